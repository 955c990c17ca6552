// What may lead clients to the members of a Patroni cluster, each with an address for writes and one for reads: mekare, HAProxy with
// Patroni's own template, and the same tuned as far as it goes.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../test/lab/programs.js'
import type { Stand } from '../../test/lab/stand.js'
import { fill } from '../rivals/fill.js'

export interface Router {
  /** `host:port`. */
  readonly write: string
  readonly read: string
}

/** Names and titles of those that stand nowhere else. */
export const ROUTER_TITLES: Readonly<Record<string, string>> = {
  'haproxy-template': 'HAProxy, Patroni’s template',
  'haproxy-tuned': 'HAProxy, tuned',
}

const CHECKS = {
  template: 'inter 3s fall 3 rise 2',
  tuned: 'inter 300ms fastinter 100ms downinter 100ms fall 1 rise 1',
}

/**
 * Starts all of them before a stand with two proxy hosts: mekare on the first, the HAProxys on the second. They end with the stand.
 * Where the stand has poolers they lead to those; `most` sessions have room in each.
 */
export async function startRouters(stand: Stand, most = 100): Promise<Readonly<Record<string, Router>>> {
  const template = startHaproxy(stand, 'template', 0, most)
  const tuned = startHaproxy(stand, 'tuned', 2, most)
  // What is told of single sessions costs the one who tells it: nobody does.
  const mekare = await stand.proxy('proxy1', { config: { log: { level: 'warn' } } })
  return { mekare, 'haproxy-template': template, 'haproxy-tuned': tuned }
}

function startHaproxy(stand: Stand, checks: keyof typeof CHECKS, shift: number, most: number): Router {
  const program = findProgram('haproxy')
  if (!program) throw new Error('haproxy was not found; install it')
  const { address, ports, members, dir, settings } = stand
  const target = settings.poolers ? ports.pooler : ports.postgres
  const at = (port: number) => `${address('proxy2')}:${port + shift}`
  const router = { write: at(ports.write), read: at(ports.read) }
  const line = (name: string) =>
    `  server ${name} ${address(name)}:${target} maxconn ${most} check port ${ports.patroni}`
  const file = join(dir, 'proxy2', `haproxy-${checks}.cfg`)
  const words = { ...router, most: String(most), checks: CHECKS[checks], members: members.map(line).join('\n') }
  writeFileSync(file, fill('haproxy-patroni.cfg', words))
  stand.spawn('proxy2', `haproxy-${checks}`, [program, '-db', '-f', file])
  return router
}
