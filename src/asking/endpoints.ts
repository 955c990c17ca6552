// Several endpoints of which any can answer: one is in use, the others stand by. Who is asked, who is left and why, and how that
// is shown. Knows not what is asked, nor what an answer means.

import type { Ms } from '../units/units.js'
import { createLookout } from './lookout.js'
import { type Runner, race } from './race.js'

export interface EndpointStatus {
  readonly name: string
  readonly state: 'in use' | 'standing by' | 'failed'
  readonly why?: string
}

export interface EndpointsDeps<S> {
  readonly now: () => Ms
  /** Opens a session with one of them; nothing is sent yet. May throw: the endpoint has failed then. */
  readonly open: (name: string) => S
  /** An error of an endpoint in one line, with the remedy. */
  readonly words: (name: string, error: unknown) => string
  /** Another endpoint is in use than before. */
  readonly moved?: (from: string, to: string, why: string) => void
  /** How long the one in use may take before the others are asked beside it, in ms. */
  readonly headStart: number
}

export interface Answered<S, T> {
  readonly session: S
  readonly answer: T
  /** Its endpoint was not in use before. */
  readonly fresh: boolean
}

export interface Endpoints<S> {
  /** Asks the one in use, and the others beside it when it is slow or fails. Whoever answers first is in use from then on. */
  ask<T>(question: (session: S) => Promise<T>): Promise<Answered<S, T> | undefined>
  /** Asks those standing by, each on a session kept for that, and notes how each is; who is in use stays. Nobody while none is: all are asked then anyway. */
  lookIn(question: (session: S) => Promise<unknown>): Promise<void>
  /** The one in use is not, from now on: its session ends. It is asked first again with `again`, else the next one is. */
  leave(why: unknown, again?: boolean): void
  /** The session in use, and since when. */
  inUse(): { readonly session: S; readonly since: Ms } | undefined
  status(): readonly EndpointStatus[]
  /** Why nobody answers, in one line: once where all say the same. */
  whySilent(): string
  /** How often another endpoint had to be used. */
  moves(): number
  close(): void
}

interface Endpoint<S> {
  readonly name: string
  session?: S
  /** Why it failed when it was last asked; absent where it answered or has not been asked. */
  why?: string
}

/** Endpoints by their names; nobody is asked before ask(). */
export function createEndpoints<S extends { close(): void }>(
  names: readonly string[],
  { now, open, words, moved, headStart }: EndpointsDeps<S>,
): Endpoints<S> {
  const endpoints: readonly Endpoint<S>[] = names.map(name => ({ name }))
  let current: { readonly index: number; readonly since: Ms } | undefined
  /** Who is asked first while none is in use. */
  let next = 0
  let left: { readonly name: string; readonly why: string } | undefined
  let moves = 0
  let closed = false

  function close(endpoint: Endpoint<S>): void {
    endpoint.session?.close()
    delete endpoint.session
  }

  function giveUp(why: string, after: number): void {
    const endpoint = current && endpoints[current.index]
    if (!endpoint) return
    close(endpoint)
    endpoint.why = why
    left = { name: endpoint.name, why }
    current = undefined
    next = after % endpoints.length
  }

  function use(index: number, { name }: Endpoint<S>): void {
    if (left) {
      moves++
      moved?.(left.name, name, left.why)
    }
    left = undefined
    current = { index, since: now() }
  }

  function failed(index: number, error: unknown): void {
    const endpoint = endpoints[index]
    if (!endpoint || closed) return
    const why = words(endpoint.name, error)
    if (index === current?.index) giveUp(why, index + 1)
    close(endpoint)
    endpoint.why = why
  }

  const lookout = createLookout(open, (name, error) => {
    const endpoint = endpoints.find((one, index) => one.name === name && index !== current?.index)
    if (!endpoint) return
    if (error === undefined) delete endpoint.why
    else endpoint.why = words(name, error)
  })

  const runner = <T>(endpoint: Endpoint<S>, index: number, question: (session: S) => Promise<T>): Runner<T> => ({
    endpoint: index,
    run: async () => {
      endpoint.session ??= open(endpoint.name)
      return question(endpoint.session)
    },
  })

  function won<T>(index: number, answer: T): Answered<S, T> | undefined {
    const endpoint = endpoints[index]
    if (!endpoint?.session || closed) return undefined
    const fresh = index !== current?.index
    delete endpoint.why
    if (fresh && current) giveUp(`no answer within ${headStart}ms`, index)
    if (fresh) use(index, endpoint)
    return { session: endpoint.session, answer, fresh }
  }

  return {
    async ask(question) {
      const first = current?.index ?? next
      const runners = endpoints.map((endpoint, index) => runner(endpoint, index, question))
      const others = runners.filter((_, index) => index !== first)
      const result = await race(runners[first], others, headStart, failed)
      const answered = result.kind === 'won' ? won(result.endpoint, result.answer) : undefined
      for (const [index, endpoint] of endpoints.entries()) if (closed || index !== current?.index) close(endpoint)
      return answered
    },
    async lookIn(question) {
      const standingBy = current ? endpoints.filter((_, index) => index !== current?.index) : []
      await lookout.look(
        standingBy.map(({ name }) => name),
        question,
      )
    },
    leave(error, again = false) {
      if (!current) return
      const { index } = current
      const why = typeof error === 'string' ? error : words(names[index] ?? '', error)
      giveUp(why, again ? index : index + 1)
    },
    inUse() {
      const session = current && endpoints[current.index]?.session
      return current && session && { session, since: current.since }
    },
    status: () => endpoints.map((endpoint, index) => statusOf(endpoint, index === current?.index)),
    whySilent: () => whySilent(endpoints),
    moves: () => moves,
    close() {
      closed = true
      lookout.close()
      for (const endpoint of endpoints) close(endpoint)
    },
  }
}

function statusOf({ name, why }: Endpoint<unknown>, inUse: boolean): EndpointStatus {
  if (inUse) return { name, state: 'in use' }
  return why === undefined ? { name, state: 'standing by' } : { name, state: 'failed', why }
}

function whySilent(endpoints: readonly Endpoint<unknown>[]): string {
  const whys = endpoints.map(({ name, why }) => ({ name, why: why ?? 'no answer' }))
  const same = new Set(whys.map(({ why }) => why))
  const [one] = same
  if (one === undefined) return 'no endpoint is named'
  if (same.size === 1) return `${whys.map(({ name }) => name).join(', ')}: ${one}`
  return whys.map(({ name, why }) => `${name}: ${why}`).join('; ')
}
