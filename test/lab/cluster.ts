// Asks the stand's Patroni and etcd what the cluster is, and has Patroni change it. Starts and kills nothing.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Hands, HttpAnswer } from './ask.js'
import type { Etcd } from './etcd.js'
import type { Network } from './network.js'
import type { Settings } from './options.js'

export interface MemberView {
  readonly name: string
  /** `primary`, `replica`, or `no answer`. */
  readonly role: string
  /** `running`, `streaming`, `starting` …, in Patroni's words. */
  readonly state: string
  readonly timeline: number | undefined
  /** Where `GET /patroni` says so: the standbys that stream from this member. */
  readonly streaming: readonly string[]
}

export interface Cluster {
  /** Name in the leader key, undefined when there is none. */
  leader(): Promise<string | undefined>
  /** Waits until the holder of the leader key (other than `other`) is out of recovery; answers its name. */
  untilLeader(how?: { readonly other?: string; readonly withinMs?: number }): Promise<string>
  /** Waits until there is a primary and all other members (or the given ones) stream from it, and have published so. */
  untilStreaming(how?: { readonly members?: readonly string[]; readonly withinMs?: number }): Promise<void>
  /** What each member says of itself over Patroni's REST interface. */
  status(): Promise<readonly MemberView[]>
  /** Asks Patroni for a planned switchover; answers the new leader's name, when Patroni says that it is done. */
  switchover(to?: string): Promise<string>
  /** Switches Patroni's pause on (or off) and waits until every running member knows. */
  patroniPause(on?: boolean): Promise<void>
  /** PATCH of Patroni's dynamic configuration. */
  configure(change: Readonly<Record<string, unknown>>): Promise<void>
  /** A request to a member's Patroni. */
  rest(host: string, path: string, method?: string, body?: unknown, timeoutMs?: number): Promise<HttpAnswer>
  /** Value of one of the cluster's keys: `leader`, `members/pg1`, `failover`, …. */
  key(name: string): Promise<string | undefined>
}

export interface ClusterParts {
  readonly settings: Settings
  readonly members: readonly string[]
  readonly network: Network
  readonly hands: Hands
  readonly etcd: Etcd
}

/** The states of a standby that works. */
const RUNS: ReadonlySet<string> = new Set(['running', 'streaming'])

/** The cluster's verbs. */
export function createCluster(parts: ClusterParts): Cluster {
  const { settings, members, network, hands, etcd } = parts
  const key = (name: string) => etcd.get(`${settings.namespace}${settings.scope}/${name}`)
  const leader = async () => (await key('leader')) || undefined
  const rest: Cluster['rest'] = (host, path, method = 'GET', body, timeoutMs = 3000) =>
    hands.http({
      url: `http://${network.address(host)}:${network.ports.patroni}${path}`,
      method,
      timeoutMs,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const view = (name: string) => askMember(rest, name)
  const anyone = (path: string, method: string, body: unknown) => firstAnswer(rest, members, path, method, body)
  return {
    key,
    leader,
    rest,
    status: () => Promise.all(members.map(view)),
    untilLeader: ({ other, withinMs = 60_000 } = {}) =>
      until(withinMs, `no member${other ? ` other than ${other}` : ''} became the primary`, async () => {
        const name = await leader()
        if (name === undefined || name === other) return undefined
        return (await view(name)).role === 'primary' ? name : undefined
      }),
    untilStreaming: async ({ members: which = members, withinMs = 60_000 } = {}) => {
      await until(withinMs, `not all of ${which.join(', ')} stream from the primary`, async () => {
        const name = await leader()
        const primary = name === undefined ? undefined : await view(name)
        if (primary?.role !== 'primary') return undefined
        const standbys = which.filter(member => member !== name)
        if (!standbys.every(member => primary.streaming.includes(member))) return undefined
        const views = await Promise.all(standbys.map(view))
        if (!views.every(({ state }) => RUNS.has(state))) return undefined
        // A member writes its state to its key in its next turn only, and that is what a router reads.
        const keys = await Promise.all(standbys.map(member => key(`members/${member}`)))
        return keys.every(text => RUNS.has((JSON.parse(text ?? '{}') as { state?: string }).state ?? '')) || undefined
      })
    },
    switchover: async to => {
      const from = await leader()
      if (from === undefined) throw new Error('no switchover without a leader: the leader key is absent')
      const answer = await rest(from, '/switchover', 'POST', { leader: from, ...(to ? { candidate: to } : {}) }, 60_000)
      if (answer.status !== 200) throw new Error(`switchover from ${from}: ${answer.status} ${answer.body}`)
      return (await leader()) ?? from
    },
    patroniPause: async (on = true) => {
      await anyone('/config', 'PATCH', { pause: on || null })
      await until(30_000, `not every member took pause: ${on}`, () => allKnowPause(rest, members, on))
    },
    configure: change => anyone('/config', 'PATCH', change),
  }
}

async function askMember(rest: Cluster['rest'], name: string): Promise<MemberView> {
  const nothing = { name, role: 'no answer', state: 'no answer', timeline: undefined, streaming: [] }
  const answer = await rest(name, '/patroni', 'GET', undefined, 1500).catch(() => undefined)
  if (answer === undefined) return nothing
  const said = JSON.parse(answer.body) as {
    role?: string
    state?: string
    timeline?: number
    xlog?: { location?: number }
    replication?: { application_name?: string; state?: string }[]
  }
  const streaming = (said.replication ?? []).flatMap(each =>
    each.state === 'streaming' ? [each.application_name ?? ''] : [],
  )
  // While it is not running, Patroni answers the role from memory: only a write position shows a primary.
  const role = said.state === 'running' && said.xlog?.location !== undefined ? 'primary' : 'replica'
  return { name, role, state: said.state ?? '', timeline: said.timeline, streaming }
}

async function firstAnswer(
  rest: Cluster['rest'],
  members: readonly string[],
  path: string,
  method: string,
  body: unknown,
): Promise<void> {
  let last = 'no member answered'
  for (const member of members) {
    const answer = await rest(member, path, method, body).catch((error: Error) => ({ status: 0, body: error.message }))
    if (answer.status === 200) return
    last = `${member}: ${answer.status} ${answer.body}`
  }
  throw new Error(`${method} ${path}: ${last}`)
}

async function allKnowPause(rest: Cluster['rest'], members: readonly string[], on: boolean): Promise<true | undefined> {
  const answers = await Promise.all(members.map(name => rest(name, '/patroni').catch(() => undefined)))
  const wrong = answers.some(answer => answer && Boolean(JSON.parse(answer.body).pause) !== on)
  return wrong ? undefined : true
}

/** What a busy machine may take longer than a calm one: waits are for a state, and hold no time to a bound. */
const BUSY = 3

/**
 * Asks every 50 ms until `ask` answers something; throws `failure` after `calmMs`, which a calm machine never needs, thrice over. Errors of
 * `ask` count as "not yet".
 */
export async function until<T>(calmMs: number, failure: string, ask: () => Promise<T | undefined>): Promise<T> {
  const withinMs = BUSY * calmMs
  const end = performance.now() + withinMs
  let last = ''
  while (performance.now() < end) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = `; last error: ${(error as Error).message}`
    }
    await sleep(50)
  }
  throw new Error(`${failure} within ${withinMs / 1000} seconds${last}`)
}
