// The old process's side of a restart: starts its successor, hands it the listening sockets, and goes once it has taken them over.
// Whatever goes wrong before that leaves this process as it was. The protocol is told in succession.ts.

import { type ChildProcess, spawn } from 'node:child_process'
import type { Outcome } from '../admin/deps.js'
import { formatListenAddress } from '../config/addresses.js'
import type { Report } from '../events/event.js'
import type { Listening } from '../listening/listening.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import type { Ordered } from './orders.js'
import { READY_WITHIN_MS, SUCCESSOR_OF, TAKEN_WITHIN_MS, type ToPredecessor, type ToSuccessor } from './succession.js'

export interface RestartDeps {
  readonly now: () => Ms
  readonly report: Report
  /** Every socket that listens. */
  readonly sockets: () => readonly Listening[]
  /** Listeners that could serve a client now. */
  readonly ready: () => readonly string[]
  readonly orders: () => Ordered
  /** Why there can be no restart now, if so. */
  readonly hindrance: () => string | undefined
  /** The last moment before the successor accepts: what only one process may do is its from now on. */
  readonly letGo: () => void
  /** It did not come to it: this process goes on. */
  readonly goOn: () => void
  /** The successor accepts on these sockets: this process lets go of everything but its sessions. */
  readonly leave: (successor: Successor, keys: ReadonlySet<string>) => void
}

export interface Successor {
  readonly pid: number
  tell(message: ToSuccessor): void
  /** Lets it live without us. */
  release(): void
}

export interface Restart {
  /** Starts a successor and waits until it has taken over, or why it has not. */
  restart(): Promise<Outcome>
  /** A successor is on its way, since so long. */
  underWay(): Ms | undefined
  /** This process ends by other means: the successor on its way is ended too. */
  cancel(): void
}

export function createRestart(deps: RestartDeps): Restart {
  let begunAt: Ms | undefined
  let child: ChildProcess | undefined

  async function restart(): Promise<Outcome> {
    const hindrance = deps.hindrance() ?? underWayWords(begunAt, deps.now()) ?? impossible()
    if (hindrance !== undefined) return { ok: false, why: hindrance }
    begunAt = deps.now()
    const outcome = await succeed()
    begunAt = undefined
    child = undefined
    if (!outcome.ok) deps.report({ kind: 'restart_failed', why: outcome.why })
    return outcome.ok
      ? outcome
      : { ...outcome, why: `nothing is changed, this process (${process.pid}) goes on:\n${outcome.why}` }
  }

  async function succeed(): Promise<Outcome> {
    const sockets = deps.sockets().flatMap(one => {
      const fd = one.fd()
      return fd === undefined ? [] : [{ one, fd }]
    })
    child = start(sockets.map(({ fd }) => fd))
    const heard = hear(child)
    const handedOn = sockets.map(({ one }, i) => ({
      key: one.key,
      address: formatListenAddress(one.address),
      fd: FIRST + i,
      kept: one.kept,
    }))
    send(child, { kind: 'inherit', pid: process.pid, sockets: handedOn, ready: deps.ready(), orders: deps.orders() })
    const ready = await heard(ms(READY_WITHIN_MS), 'it could not serve what this process serves')
    if (ready.kind !== 'ready') return failed(child, ready)
    deps.letGo()
    send(child, { kind: 'take', orders: deps.orders() })
    const taken = await heard(ms(TAKEN_WITHIN_MS), 'it did not take the sockets over')
    if (taken.kind !== 'taken') {
      deps.goOn()
      return failed(child, taken)
    }
    return { ok: true, said: handOver(child, new Set(taken.keys)) }
  }

  function handOver(to: ChildProcess, keys: ReadonlySet<string>): string {
    const pid = to.pid ?? 0
    const took = formatMs(ms(deps.now() - (begunAt ?? deps.now())))
    deps.leave({ pid, tell: message => send(to, message), release: () => release(to) }, keys)
    return `process ${pid} has taken the place of ${process.pid}, after ${took}`
  }

  return {
    restart,
    underWay: () => (begunAt === undefined ? undefined : ms(deps.now() - begunAt)),
    cancel: () => void child?.kill('SIGKILL'),
  }
}

const underWayWords = (since: Ms | undefined, now: Ms) =>
  since === undefined ? undefined : `a restart is under way, for ${formatMs(ms(now - since))}`

/** Where the end of this process is the end of all. */
function impossible(): string | undefined {
  if (process.platform === 'win32') return 'sockets cannot be handed on to another process on Windows'
  if (process.pid !== 1) return undefined
  return 'this process is the first of its container: when it ends, all of it does, a successor too; let the container be replaced, or put an init before it (docker run --init)'
}

/** The first descriptor after standard input, output and error. */
const FIRST = 3

/** The same program with the same arguments: the files may be a newer version's by now. */
function start(descriptors: readonly number[]): ChildProcess {
  const { LISTEN_PID: _, LISTEN_FDS: __, LISTEN_FDNAMES: ___, WATCHDOG_PID: ____, ...env } = process.env
  return spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', ...descriptors, 'ipc'],
    env: { ...env, [SUCCESSOR_OF]: String(process.pid) },
  })
}

function send(child: ChildProcess, message: ToSuccessor): void {
  // One that has ended is heard of in another way.
  if (child.connected) child.send(message, () => {})
}

function release(child: ChildProcess): void {
  if (child.connected) child.disconnect()
  child.unref()
}

type Heard = Exclude<ToPredecessor, { kind: 'waiting' }> | { readonly kind: 'over'; readonly why: string }

/** What it says, one message a call; its end and its silence are answers too. */
function hear(child: ChildProcess): (within: Ms, late: string) => Promise<Heard> {
  const said: Heard[] = []
  let waitsFor = ''
  let wake: (() => void) | undefined
  const put = (one: Heard) => {
    said.push(one)
    wake?.()
  }
  child.on('message', message => {
    const told = message as ToPredecessor
    if (told.kind === 'waiting') waitsFor = `: ${told.why}`
    else put(told)
  })
  child.on('error', error => put({ kind: 'over', why: `it could not be started: ${error.message}` }))
  child.on('exit', (code, signal) => put({ kind: 'over', why: `it ended with ${code ?? signal}; its log says why` }))
  return async (within, late) => {
    if (said.length === 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>(resolve => {
        wake = resolve
        timer = setTimeout(resolve, within)
      })
      clearTimeout(timer)
    }
    return said.shift() ?? { kind: 'over', why: `${late} within ${formatMs(within)}${waitsFor}` }
  }
}

function failed(child: ChildProcess, heard: Heard): Outcome {
  child.kill('SIGKILL')
  release(child)
  if (heard.kind === 'failed') return { ok: false, why: heard.why, ...(heard.config && { blame: 'config' as const }) }
  return {
    ok: false,
    why: `the successor (process ${child.pid ?? 'none'}): ${heard.kind === 'over' ? heard.why : `said ${heard.kind}`}`,
  }
}
