// Whose turn it is to be asked: one question at a time per member, at the period it is told, and each answer passed on.
// Knows targets and timers. Does not know how a question is asked.

import type { Answer, Via } from '../health/answer.js'
import type { Ms } from '../units/units.js'
import type { Prober, ProberDeps, ProbeTarget } from './prober.js'
import { type UnaskedAnswer, unasked } from './unasked.js'

/** One member's way of being asked. */
export interface Asker {
  /** Asks once, within its own deadline. Called only when the call before has ended. */
  ask(): Promise<Answer>
  /** Ends its connections; a question under way may end with anything. */
  close(): Promise<void>
}

/** `lost` is for news between questions: the kept connection broke. */
export type MakeAsker = (target: ProbeTarget, lost: (answer: UnaskedAnswer) => void) => Asker

interface Turn {
  readonly target: ProbeTarget
  readonly asker: Asker
  askedAt: Ms
  asking: boolean
  /** The least time between two questions after the last answer. */
  atLeast: number
  timer: NodeJS.Timeout | undefined
  gone: boolean
}

/** A wrong password or certificate does not mend itself in milliseconds, and each try is a line in PostgreSQL's log. */
const AFTER_REJECTION_MS = 500

/** A prober over the given askers. A member is asked at once when it is first wanted; periods run from question to question. */
export function createTurns(via: Via, makeAsker: MakeAsker, deps: ProberDeps): Prober {
  const turns = new Map<string, Turn>()
  const closing = new Set<Promise<void>>()

  const tell = (turn: Turn, askedAt: Ms, answer: Answer): void => {
    turn.atLeast = isRejection(answer) ? AFTER_REJECTION_MS : 0
    deps.told({ member: turn.target.name, via, askedAt, answeredAt: deps.now(), answer })
    plan(turn)
  }

  const ask = async (turn: Turn): Promise<void> => {
    turn.timer = undefined
    turn.asking = true
    turn.askedAt = deps.now()
    const answer = await turn.asker
      .ask()
      .catch((error: unknown) => unasked('unclear', `probe failed: ${String(error)}`))
    turn.asking = false
    if (!turn.gone) tell(turn, turn.askedAt, answer)
  }

  const plan = (turn: Turn): void => {
    if (turn.gone || turn.asking) return
    clearTimeout(turn.timer)
    const period = Math.max(turn.atLeast, deps.period(turn.target.name, via))
    const wait = turn.askedAt + period - deps.now()
    turn.timer = setTimeout(() => void ask(turn), Math.max(0, wait))
  }

  const add = (target: ProbeTarget): void => {
    const lost = (answer: UnaskedAnswer): void => {
      if (turn.gone || turn.asking) return
      turn.askedAt = deps.now()
      tell(turn, turn.askedAt, answer)
    }
    const asker = makeAsker(target, lost)
    const turn: Turn = { target, asker, askedAt: deps.now(), asking: false, atLeast: 0, timer: undefined, gone: false }
    turns.set(target.name, turn)
    void ask(turn)
  }

  const remove = (turn: Turn): void => {
    turn.gone = true
    clearTimeout(turn.timer)
    turns.delete(turn.target.name)
    const closed = turn.asker.close().finally(() => closing.delete(closed))
    closing.add(closed)
  }

  let stopped = false
  return {
    via,
    want(targets) {
      if (stopped) return
      const wanted = new Map(targets.map(target => [target.name, target]))
      for (const turn of [...turns.values()]) {
        const target = wanted.get(turn.target.name)
        if (target === undefined || !isSame(target, turn.target)) remove(turn)
      }
      for (const target of wanted.values()) if (!turns.has(target.name)) add(target)
    },
    recheck() {
      for (const turn of turns.values()) plan(turn)
    },
    async stop() {
      stopped = true
      for (const turn of [...turns.values()]) remove(turn)
      await Promise.all(closing)
    },
  }
}

function isSame(a: ProbeTarget, b: ProbeTarget): boolean {
  return a.address.host === b.address.host && a.address.port === b.address.port && a.apiUrl === b.apiUrl
}

function isRejection(answer: Answer): boolean {
  return answer.kind === 'unasked' && (answer.reason === 'auth' || answer.reason === 'tls')
}
