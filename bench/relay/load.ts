// One measurement: pgbench for some seconds through a port, and the CPU time it took: of the whole machine and of the process in between.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contender } from './contenders.js'

export interface Measured {
  readonly tps: number
  /** Microseconds per transaction. */
  readonly machineCpu: number
  /** Of the process before PostgreSQL; 0 where there is none. */
  readonly relayCpu: number
}

/** Clock ticks of /proc per second (USER_HZ), the same on every Linux that Node runs on. */
const TICK_US = 10_000

export async function pgbench(
  bin: string,
  script: readonly string[],
  contender: Contender,
  clients: number,
  seconds: number,
): Promise<Measured> {
  const args = ['-h', '127.0.0.1', '-p', contender.port, '-U', 'postgres', '-n', '-M', 'prepared', '-c', clients]
  const before = times(contender)
  const text = await output(join(bin, 'pgbench'), [...args.map(String), '-T', String(seconds), ...script, 'postgres'])
  const after = times(contender)
  const done = Number(/number of transactions actually processed: (\d+)/.exec(text)?.[1])
  const tps = Number(/tps = ([\d.]+)/.exec(text)?.[1])
  const failed = Number(/number of failed transactions: (\d+)/.exec(text)?.[1] ?? 0)
  if (!(done > 0) || !(tps > 0) || failed > 0) throw new Error(`pgbench through ${contender.name}: ${text}`)
  const each = (ticks: number) => (ticks * TICK_US) / done
  return { tps, machineCpu: each(after.machine - before.machine), relayCpu: each(after.relay - before.relay) }
}

/** In ticks: everything but idle and iowait of the machine, user and system of the process with its threads. */
function times({ child }: Contender): { machine: number; relay: number } {
  const [, ...all] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).map(Number)
  const machine = all.slice(0, 8).reduce((sum, ticks, i) => (i === 3 || i === 4 ? sum : sum + ticks), 0)
  if (child?.pid === undefined) return { machine, relay: 0 }
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { machine, relay: Number(fields[11]) + Number(fields[12]) }
}

/** What a program printed; throws with its errors when it failed. */
export function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args)
    let [out, err] = ['', '']
    child.stdout.on('data', chunk => {
      out += chunk
    })
    child.stderr.on('data', chunk => {
      err += chunk
    })
    child.on('error', reject)
    child.on('close', code => (code === 0 ? resolve(out) : reject(new Error(`${program}: ${err.trim()}`))))
  })
}
