// Everything that may stand between a client and a server, in one table: its name on the command line, its title, how it starts.

import type { Site } from '../site.js'
import { ADDRESS_PAIRS } from './address-pairs.js'
import { type Contender, parseSpec, type Server, type Spec } from './contender.js'
import { startForwarder } from './forwarder.js'
import { startHaproxy } from './haproxy.js'
import { startMekare } from './mekare.js'
import { ROUTER_TITLES } from './patroni-routers.js'
import { startPgbouncer } from './pgbouncer.js'

interface Kind {
  readonly title: string
  start(site: Site, target: Server, spec: Spec): Promise<Contender>
}

const nothing = async (_site: Site, target: Server): Promise<Contender> => ({
  address: target,
  pid: undefined,
  stop: async () => undefined,
})

const KINDS: Readonly<Record<string, Kind>> = {
  direct: { title: 'direct', start: nothing },
  haproxy: { title: 'HAProxy', start: (site, target) => startHaproxy(site, target, 'auto') },
  'haproxy-splice': {
    title: 'HAProxy, always splicing',
    start: (site, target) => startHaproxy(site, target, 'always'),
  },
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
export function startContender(site: Site, target: Server, text: string): Promise<Contender> {
  const spec = parseSpec(text)
  const kind = KINDS[spec.kind]
  if (!kind) throw new Error(`${text}: no contender is named so; there are ${Object.keys(KINDS).join(', ')}`)
  return kind.start(site, target, spec)
}

/** Titles of those that stand nowhere but in scenarios of their own: before a cluster, or around an address. */
const OTHERS: Readonly<Record<string, string>> = {
  ...ROUTER_TITLES,
  ...Object.fromEntries(Object.entries(ADDRESS_PAIRS).map(([name, { title }]) => [name, title])),
}

/** Those that nothing is named like. */
export const unknownContenders = (texts: readonly string[]): string[] =>
  texts.filter(text => KINDS[parseSpec(text).kind] === undefined && OTHERS[text] === undefined)

/** As tables and plots call it. */
export function titleOf(text: string): string {
  const { kind } = parseSpec(text)
  return (KINDS[kind]?.title ?? OTHERS[kind] ?? kind) + text.slice(kind.length)
}
