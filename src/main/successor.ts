// The new process's side of a restart: what it inherits, when it may accept, and that it goes when it is not wanted. The protocol
// is told in succession.ts. A process that nobody started as a successor has none of this.

import type { ConfigError } from '../config/problems.js'
import { fromPredecessor, type Inherited } from '../listening/inherited.js'
import type { Ms } from '../units/units.js'
import type { Ordered } from './orders.js'
import { SUCCESSOR_OF, type ToPredecessor, type ToSuccessor } from './succession.js'

/** The process before this one, as it drains. */
export interface Draining {
  readonly pid: number
  readonly sessions: number
  readonly left: Ms
}

export interface Predecessor {
  readonly pid: number
  readonly inherited: Inherited
  /** Listeners that have to be able to serve before this process takes over. */
  readonly ready: readonly string[]
  readonly orders: Ordered
  /** Says what is waited for. */
  waiting(why: string): void
  /** Says that all is ready; resolves with the orders as they are when it may accept. */
  mayTake(): Promise<Ordered>
  /** It accepts, on these sockets of the other. */
  taken(keys: readonly string[]): Promise<void>
  /** Resolves when the service manager watches this process. */
  readonly main: Promise<unknown>
  fail(why: string, config: boolean): Promise<void>
  /** What it said last, as long as it is there. */
  draining(): Draining | undefined
}

/** Waits for what it hands on; undefined when there is none. Its end before its work is done ends this process. */
export async function meetPredecessor(): Promise<Predecessor | undefined> {
  const pid = Number(process.env[SUCCESSOR_OF])
  delete process.env[SUCCESSOR_OF]
  if (!process.send || !pid) return undefined
  if (pid !== process.ppid) leave(pid)
  let draining: Draining | undefined
  let done = false
  const waiting = new Map<ToSuccessor['kind'], (message: ToSuccessor) => void>()
  const said = <K extends ToSuccessor['kind']>(kind: K) =>
    new Promise<Extract<ToSuccessor, { kind: K }>>(resolve =>
      waiting.set(kind, message => resolve(message as Extract<ToSuccessor, { kind: K }>)),
    )
  const [inherit, take, main] = [said('inherit'), said('take'), said('main')]
  process.on('message', (message: ToSuccessor) => {
    if (message.kind === 'draining') draining = { pid, sessions: message.sessions, left: message.left }
    else waiting.get(message.kind)?.(message)
  })
  process.on('disconnect', () => {
    draining = undefined
    if (done) return
    leave(pid)
  })
  const { sockets, ready, orders } = await inherit
  return {
    pid,
    inherited: fromPredecessor(sockets),
    ready,
    orders,
    waiting: why => void tell({ kind: 'waiting', why }),
    async mayTake() {
      await tell({ kind: 'ready' })
      return (await take).orders
    },
    async taken(keys) {
      await tell({ kind: 'taken', keys })
      done = true
      // From here on it may only tell of itself, and holds nobody up.
      process.channel?.unref()
    },
    main: Promise.race([main, new Promise(resolve => process.once('disconnect', resolve))]),
    async fail(why, config) {
      done = true
      await tell({ kind: 'failed', why, config })
    },
    draining: () => draining,
  }
}

/** Nobody hands anything on: a second router beside the first is not what was asked for. */
function leave(pid: number): never {
  process.stderr.write(`mekare: process ${pid}, whose place this one was to take, has ended or given it up\n`)
  process.exit(1)
}

/** A configuration that cannot be used is the predecessor's to tell, whose operator waits for it. */
export async function failPredecessor(error: ConfigError): Promise<void> {
  if (process.env[SUCCESSOR_OF] === String(process.ppid))
    await tell({ kind: 'failed', why: error.message, config: true })
}

function tell(message: ToPredecessor): Promise<void> {
  return new Promise(resolve => {
    if (!process.send?.(message, undefined, {}, () => resolve())) resolve()
  })
}
