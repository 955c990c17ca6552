// What the figures were measured on: the machine, its load, the versions of the programs. Part of every kept result.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Programs } from '../../test/lab/programs.js'

/** The machine and the versions, by name. */
export function describeMachine(programs: Programs): Record<string, string> {
  const system = /PRETTY_NAME="(.*)"/.exec(readOr('/etc/os-release'))?.[1] ?? process.platform
  return {
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${system}, kernel ${release()}`,
    node: process.version,
    postgres: version(join(programs.postgres, 'postgres'), '--version'),
    patroni: version(programs.patroni, '--version'),
    etcd: version(programs.etcd, '--version'),
    psycopg: version(programs.python, '-c', 'import psycopg2; print(psycopg2.__version__, psycopg2.__libpq_version__)'),
  }
}

function version(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0]?.trim() ?? ''
  } catch (error) {
    return `unknown: ${(error as Error).message.split('\n')[0]}`
  }
}

/** How busy the processors were with anything over one second, in percent of all of them; undefined where /proc is not. */
export async function busyPercent(): Promise<number | undefined> {
  const before = times()
  await sleep(1000)
  const after = times()
  const total = after.total - before.total
  return total > 0 ? Math.round(100 * (1 - (after.idle - before.idle) / total)) : undefined
}

function times(): { total: number; idle: number } {
  const fields = (/^cpu +(.*)$/m.exec(readOr('/proc/stat'))?.[1] ?? '').split(' ').map(Number)
  return { total: fields.slice(0, 8).reduce((sum, each) => sum + each, 0), idle: (fields[3] ?? 0) + (fields[4] ?? 0) }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
