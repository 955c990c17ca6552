// Runs pgbench in the client's network through a contender's port and reads what it says. Any failed transaction is an error.

import { join } from 'node:path'
import type { Address } from '../contenders/contender.js'
import type { Site } from '../site.js'

export interface Load {
  /** Further arguments: the script and how it is sent. */
  readonly args: readonly string[]
  readonly clients: number
  readonly seconds: number
}

export interface Done {
  readonly transactions: number
  readonly tps: number
}

export async function pgbench(site: Site, to: Address, load: Load): Promise<Done> {
  const { args, clients, seconds } = load
  const where = ['-h', to.host, '-p', String(to.port), '-U', 'postgres', '-n']
  const much = ['-c', String(clients), '-T', String(seconds)]
  const argv = [join(site.bin, 'pgbench'), ...where, ...much, ...args, 'postgres']
  const { code, stdout, stderr } = await site.ground.exec('client', argv)
  const transactions = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1])
  const tps = Number(/tps = ([\d.]+)/.exec(stdout)?.[1])
  const failed = Number(/failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0)
  if (code !== 0 || !(transactions > 0) || !(tps > 0) || failed > 0 || /aborted/.test(stderr))
    throw new Error(`pgbench through ${to.host}:${to.port} ended with ${code}: ${stderr.trim() || stdout.trim()}`)
  return { transactions, tps }
}
