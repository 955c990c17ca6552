// What the figures were measured on: the machine, its load, and how to ask a program for its version. Part of every kept result.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** The machine and Node, by name. */
export function describeMachine(): Record<string, string> {
  const system = /PRETTY_NAME="(.*)"/.exec(readOr('/etc/os-release'))?.[1] ?? process.platform
  return {
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${system}, kernel ${release()}`,
    node: process.version,
  }
}

/** The first line of what a program says of its version, on either output. */
export function version(program: string, ...args: string[]): string {
  const { stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (error) return `unknown: ${error.message}`
  return `${stdout}${stderr}`.split('\n')[0]?.trim() ?? ''
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
