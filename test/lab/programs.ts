// Knows where the servers of the stand may lie on a machine. Installs nothing and starts nothing.

import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** mekare itself: as compiled, or what `MEKARE_PROGRAM` names, such as the bundle that packages have. */
export const PROGRAM = process.env.MEKARE_PROGRAM ?? fileURLToPath(new URL('../../../bin/mekare.js', import.meta.url))

export interface Programs {
  readonly etcd: string
  readonly etcdctl: string
  readonly patroni: string
  /** Directory of postgres, initdb, pg_basebackup, psql … of one major version. */
  readonly postgres: string
  readonly python: string
}

const USUAL = ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin', '/usr/local/sbin', '/opt/patroni/bin']

/** The path of a program, looked for in the system's directories first (a version manager's shims lie in PATH), then in PATH. */
export function findProgram(name: string): string | undefined {
  const dirs = [...USUAL, ...(process.env.PATH ?? '').split(delimiter)]
  return dirs.map(dir => join(dir, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Directory of the newest PostgreSQL server found. `MEKARE_POSTGRES_BIN` overrides the search. */
export function findPostgres(): string | undefined {
  const chosen = process.env.MEKARE_POSTGRES_BIN
  if (chosen) return chosen
  const versioned = ['/usr/lib/postgresql', '/usr/local/lib/postgresql', '/opt/postgresql'].flatMap(majors)
  const pgdg = majors('/usr').filter(dir => /\/pgsql-\d+\/bin$/.test(dir))
  const plain = ['/usr/local/pgsql/bin', '/opt/homebrew/bin', ...USUAL]
  return [...versioned, ...pgdg, ...plain].find(dir => ['postgres', 'initdb'].every(p => isExecutable(join(dir, p))))
}

function majors(root: string): string[] {
  try {
    const newestFirst = readdirSync(root).sort((a, b) => number(b) - number(a))
    return newestFirst.map(name => join(root, name, 'bin'))
  } catch {
    return []
  }
}

const number = (name: string) => Number(/(\d+)$/.exec(name)?.[1] ?? -1)

/** Every program of the stand with its path, or undefined where it was not found. */
export function lookForPrograms(): { readonly [name in keyof Programs]: string | undefined } {
  return {
    etcd: findProgram('etcd'),
    etcdctl: findProgram('etcdctl'),
    patroni: findProgram('patroni'),
    postgres: findPostgres(),
    python: findProgram('python3'),
  }
}

/** The programs of the stand. Throws with the list of those missing. */
export function findPrograms(): Programs {
  const found = lookForPrograms()
  const missing = Object.entries(found).flatMap(([name, path]) => (path === undefined ? [name] : []))
  if (missing.length > 0) {
    throw new Error(`not found on this machine: ${missing.join(', ')}; run \`node setup/prepare.js test\` to install`)
  }
  return found as Programs
}
