// Knocks at the poolers beside members, once an interval, and tells each outcome. PostgreSQL behind them is asked by the prober, and
// answers for itself. Takes no session and no server of a pooler: one that is merely busy answers.

import type { Socket } from 'node:net'
import { repeat, type Turns } from '../asking/turns.js'
import type { ProbeConfig } from '../config/shape.js'
import type { DialOutcome } from '../health/answer.js'
import type { Address } from '../topology/topology.js'
import { type Ms, ms } from '../units/units.js'
import { POOLER, ping } from './ping.js'
import { addressText } from './unasked.js'

export interface Door {
  /** The member it is beside. */
  readonly name: string
  readonly address: Address
}

export interface Knocker {
  /** Those to knock at from now on. */
  want(doors: readonly Door[]): void
  /** Nothing is told afterwards. */
  stop(): void
}

export interface KnockerDeps {
  readonly now: () => Ms
  readonly told: (outcome: DialOutcome) => void
}

interface Round {
  readonly door: Door
  turns: Turns | undefined
  socket: Socket | undefined
  over: boolean
}

/** Knocks at nobody before want(). */
export function createKnocker(
  { timeout, interval }: Pick<ProbeConfig, 'timeout' | 'interval'>,
  { now, told }: KnockerDeps,
): Knocker {
  const rounds = new Map<string, Round>()

  function begin(door: Door): void {
    const round: Round = { door, turns: undefined, socket: undefined, over: false }
    rounds.set(door.name, round)
    const turn = async (): Promise<number> => {
      const at = now()
      const failed = await ping(door.address, POOLER, timeout, socket => {
        round.socket = socket
      })
      const took = ms(now() - at)
      const outcome = { member: door.name, at: now(), took }
      if (!round.over)
        told(failed ? { ...outcome, ok: false, reason: failed.reason, why: failed.why } : { ...outcome, ok: true })
      return interval
    }
    round.turns = repeat(turn)
  }

  function end(round: Round): void {
    round.over = true
    rounds.delete(round.door.name)
    round.socket?.destroy()
    void round.turns?.stop()
  }

  const same = (door: Door | undefined, { address }: Door) =>
    door !== undefined && addressText(door.address) === addressText(address)

  return {
    want(doors) {
      const wanted = new Map(doors.map(door => [door.name, door]))
      for (const round of [...rounds.values()]) if (!same(wanted.get(round.door.name), round.door)) end(round)
      for (const door of wanted.values()) if (!rounds.has(door.name)) begin(door)
    },
    stop() {
      for (const round of [...rounds.values()]) end(round)
    },
  }
}
