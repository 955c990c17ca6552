// The data directory that every member of a stand begins with: made once for each version of PostgreSQL, kept beside the build, and
// copied, which is done in a moment where initdb, roles and base backups take seconds. Knows PostgreSQL's own programs, not Patroni.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { becoming, besides, type Ground, type Owner } from './ground.js'
import { PASSWORDS } from './options.js'

const role = (name: keyof typeof PASSWORDS, more = '') =>
  `create role ${name} login ${more} password '${PASSWORDS[name]}';`

/** What is said in which database, a statement a line, as single-user mode reads it. */
const STATEMENTS = {
  postgres: [
    "set password_encryption = 'scram-sha-256';",
    `alter role postgres password '${PASSWORDS.postgres}';`,
    role('replicator', 'replication'),
    role('mekare_probe'),
    'grant pg_monitor to mekare_probe;',
    role('app'),
    'create role cert_app login;',
    'create database app owner app;',
  ],
  app: [
    'set role app;',
    'create table rows (id bigint primary key, writer text not null, at timestamptz not null default now());',
  ],
}

/**
 * Gives each of these paths a data directory with the roles of every stand, on which no server has run but the one that made it: they are
 * one another's replicas at the moment of its end. `bin` is PostgreSQL's.
 */
export function layData(ground: Ground, bin: string, paths: readonly string[]): void {
  const version = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' })
  const made = JSON.stringify([version, ground.owner?.name, STATEMENTS])
  const kept = join(besides('../../templates'), createHash('sha256').update(made).digest('hex').slice(0, 12))
  if (!existsSync(kept)) keep(make(ground, bin), kept)
  for (const path of paths) copy(kept, path)
}

/** Within the ground, so that nothing is left of it when this process is killed meanwhile. */
function make({ dir, owner }: Ground, bin: string): string {
  const workshop = join(dir, 'template')
  mkdirSync(workshop)
  if (owner) chownSync(workshop, owner.uid, owner.gid)
  const data = join(workshop, 'data')
  const run = (program: string, args: readonly string[], input = '') =>
    execFileSync(...asOwner(owner, join(bin, program), args), { cwd: workshop, input, stdio: 'pipe' })
  run('initdb', ['-D', data, '-U', 'postgres', '--encoding=UTF8', '--locale=C', '--auth=trust', '--no-sync'])
  for (const [database, lines] of Object.entries(STATEMENTS))
    run('postgres', ['--single', '-D', data, '-c', 'fsync=off', '-j', database], `${lines.join('\n\n')}\n\n`)
  return data
}

function asOwner(owner: Owner | undefined, program: string, args: readonly string[]): [string, string[]] {
  const [command = '', ...rest] = [...becoming(owner), program, ...args]
  return [command, rest]
}

/** Two processes may do it at once: what one finds of the other's is as good. */
function keep(data: string, kept: string): void {
  const part = `${kept}.${process.pid}`
  mkdirSync(dirname(kept), { recursive: true })
  copy(data, part)
  try {
    renameSync(part, kept)
  } catch (error) {
    rmSync(part, { recursive: true })
    if (!existsSync(kept)) throw error
  }
  rmSync(dirname(data), { recursive: true })
}

/** With owners and modes, which PostgreSQL minds. */
const copy = (from: string, to: string) => execFileSync('cp', ['-a', '--reflink=auto', from, to])
