// Everything that may stand between a client and a server, in one table: its name on the command line, its title, how it starts.

import type { Site } from '../site.js'
import { type Address, type Contender, parseSpec, type Spec } from './contender.js'
import { startForwarder } from './forwarder.js'
import { startHaproxy } from './haproxy.js'
import { startMekare } from './mekare.js'
import { startPgbouncer } from './pgbouncer.js'

interface Kind {
  readonly title: string
  start(site: Site, target: Address, spec: Spec): Promise<Contender>
}

const nothing = async (_site: Site, target: Address): Promise<Contender> => ({
  address: target,
  pid: undefined,
  stop: async () => undefined,
})

const KINDS: Readonly<Record<string, Kind>> = {
  direct: { title: 'direct', start: nothing },
  haproxy: { title: 'HAProxy', start: startHaproxy },
  pgbouncer: { title: 'PgBouncer, session mode', start: (site, target) => startPgbouncer(site, target, 'session') },
  'pgbouncer-tx': {
    title: 'PgBouncer, transaction mode',
    start: (site, target) => startPgbouncer(site, target, 'transaction'),
  },
  mekare: {
    title: 'mekare',
    start: (site, target, spec) => startMekare(site, target, { ...spec, relay: { engine: 'native', ...spec.relay } }),
  },
  'mekare-net': {
    title: 'mekare, net engine',
    start: (site, target, spec) => startMekare(site, target, { ...spec, relay: { engine: 'net', ...spec.relay } }),
  },
  forwarder: { title: 'mekare’s relay alone', start: startForwarder },
}

/** Starts what `text` names before `target`; answers when a query goes through. */
export function startContender(site: Site, target: Address, text: string): Promise<Contender> {
  const spec = parseSpec(text)
  const kind = KINDS[spec.kind]
  if (!kind) throw new Error(`${text}: no contender is named so; there are ${Object.keys(KINDS).join(', ')}`)
  return kind.start(site, target, spec)
}

/** Whether `text` names one; otherwise the names there are. */
export const unknownContenders = (texts: readonly string[]): string[] =>
  texts.filter(text => KINDS[parseSpec(text).kind] === undefined)

/** As tables and plots call it. */
export function titleOf(text: string): string {
  const { kind } = parseSpec(text)
  return (KINDS[kind]?.title ?? kind) + text.slice(kind.length)
}
