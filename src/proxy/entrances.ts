// The way in: which socket leads to which listener. A change is prepared, with every socket it needs opened, and then made in
// one step or not at all.

import type { Bind, Bound, Listening } from '../listening/listening.js'
import type { Wires } from '../relay/wire.js'
import type { ListenerPlan, Plan } from '../reload/plan.js'
import type { Accept } from './accept.js'
import { type Entrance, openEntrance } from './entrance.js'
import type { Listener } from './listener.js'

export type OpenProblem = Pick<Extract<Bound, { ok: false }>, 'why' | 'passing'>
export type ListenersPlan = Pick<Plan, 'listeners' | 'closing'>

export interface Change {
  /** Makes it; cannot fail. */
  commit(): void
  /** Closes what was opened for it: all is as before. Gives what could not be had back. */
  abort(): Promise<readonly OpenProblem[]>
}

export type Prepared =
  | { readonly ok: true; readonly change: Change }
  | { readonly ok: false; readonly problems: readonly OpenProblem[] }

export interface Entrances {
  /** Opens what the plan wants opened; `of` gives the listener each is to lead to. */
  prepare(plan: ListenersPlan, of: (one: ListenerPlan) => Listener): Promise<Prepared>
  get(listen: string): Listening | undefined
  all(): readonly Listening[]
  closeAll(): void
}

export interface EntrancesDeps {
  readonly accept: Accept
  readonly bind: Bind
  readonly wires: Wires | undefined
  /** Hears of each that is there newly. */
  readonly opened: (way: Entrance) => void
}

/** No way in yet. */
export function createEntrances({ accept, bind, wires, opened }: EntrancesDeps): Entrances {
  let open = new Map<string, Entrance>()

  async function openAll(
    wanted: readonly ListenerPlan[],
    of: (one: ListenerPlan) => Listener,
    made: Map<string, Entrance>,
  ): Promise<OpenProblem[]> {
    const problems: OpenProblem[] = []
    for (const one of wanted) {
      if (one.handedOn && problems.length > 0) continue
      const result = await openEntrance(of(one), one.rules.address, accept, bind, wires)
      if (result.ok) made.set(one.name, result.entrance)
      else problems.push(result)
    }
    return problems
  }

  /** What had to be closed for a change that was then not made. */
  async function reopen(closed: readonly Entrance[]): Promise<OpenProblem[]> {
    const problems: OpenProblem[] = []
    for (const { listening, leadsTo } of closed) {
      const name = [...open].find(([, way]) => way.listening === listening)?.[0] ?? ''
      const result = await openEntrance(leadsTo(), listening.address, accept, bind, wires)
      if (result.ok) open.set(name, result.entrance)
      else problems.push(result)
    }
    return problems
  }

  async function prepare(plan: ListenersPlan, of: (one: ListenerPlan) => Listener): Promise<Prepared> {
    const made = new Map<string, Entrance>()
    const wanted = plan.listeners.filter(({ socketOf }) => socketOf === undefined)
    const inTheWay = [...new Set(wanted.flatMap(({ blockedBy }) => blockedBy))].flatMap(name => open.get(name) ?? [])
    const problems = await openAll(wanted.filter(isFree), of, made)
    const closed = problems.length === 0 ? inTheWay : []
    // Last of all: until the new one listens nobody does.
    for (const { listening } of closed) listening.close()
    if (closed.length > 0)
      problems.push(
        ...(await openAll(
          wanted.filter(one => !isFree(one)),
          of,
          made,
        )),
      )
    const abort = async () => {
      for (const { listening } of made.values()) listening.close()
      return reopen(closed)
    }
    if (problems.length > 0) return { ok: false, problems: [...problems, ...(await abort())] }
    return { ok: true, change: { commit: () => commit(plan, of, made), abort } }
  }

  function commit(
    { listeners, closing }: ListenersPlan,
    of: (one: ListenerPlan) => Listener,
    made: Map<string, Entrance>,
  ) {
    const next = new Map<string, Entrance>()
    for (const one of listeners) {
      const way = made.get(one.name) ?? open.get(one.socketOf ?? '')
      way?.leadTo(of(one))
      if (way) next.set(one.name, way)
    }
    for (const name of closing) open.get(name)?.listening.close()
    open = next
    for (const way of made.values()) opened(way)
  }

  return {
    prepare,
    get: listen => open.get(listen)?.listening,
    all: () => [...open.values()].map(({ listening }) => listening),
    closeAll() {
      for (const { listening } of open.values()) listening.close()
      open.clear()
    },
  }
}

const isFree = ({ blockedBy }: ListenerPlan) => blockedBy.length === 0
