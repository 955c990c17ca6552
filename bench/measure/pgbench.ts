// Runs pgbench in the clients' network and reads what it says. Any failed transaction is an error.

import { join } from 'node:path'
import type { Output } from '../../test/lab/ground.js'
import type { Address } from '../contenders/contender.js'

/** Where PostgreSQL's client programs run, and as whom. */
export interface Clients {
  /** Directory of the programs. */
  readonly bin: string
  /** Where they work: logs lie there. */
  readonly dir: string
  readonly user: string
  readonly database: string
  exec(argv: readonly string[]): Promise<Output>
}

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

export async function pgbench(who: Clients, to: Address, load: Load): Promise<Done> {
  const { args, clients, seconds } = load
  const where = ['-h', to.host, '-p', String(to.port), '-U', who.user, '-n']
  const much = ['-c', String(clients), '-T', String(seconds)]
  const argv = [join(who.bin, 'pgbench'), ...where, ...much, ...args, who.database]
  const { code, stdout, stderr } = await who.exec(argv)
  const transactions = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1])
  const tps = Number(/tps = ([\d.]+)/.exec(stdout)?.[1])
  const failed = Number(/failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0)
  if (code !== 0 || !(transactions > 0) || !(tps > 0) || failed > 0 || /aborted/.test(stderr))
    throw new Error(`pgbench through ${to.host}:${to.port} ended with ${code}: ${stderr.trim() || stdout.trim()}`)
  return { transactions, tps }
}
