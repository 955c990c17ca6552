// Two hosts on one wire, in simulated time: each a machine, or a sync group of several. The wire loses, delays and reorders until it is whole.

import { ms } from '../../../src/units/units.js'
import { type Group, stepGroup, wakeGroupAt } from '../../../src/vrrp/group.js'
import { holdsAddresses, newMachine, step } from '../../../src/vrrp/machine.js'
import type { Input, Setup, State } from '../../../src/vrrp/state.js'
import { TIME } from './script.js'

export interface Fate {
  readonly lost: boolean
  readonly delay: number
}

/** Something on its way: what arrives at a host waits while that one is stalled. */
interface Coming {
  readonly at: number
  readonly to: number | undefined
  readonly run: () => void
}

/** When the link of two hosts is whole again, in ms. */
export const WHOLE = 12_000

export class Wire {
  now = 0
  changes: number[] = []
  private coming: Coming[] = []
  private sent = 0
  private stalled = [0, 0]
  private hosts: Group[]

  constructor(
    setups: readonly (readonly Setup[])[],
    private readonly fates: readonly Fate[],
    /** When the link is whole again; never, where both are cut off from one another for good. */
    private readonly wholeAt = WHOLE,
    /** Hears after every step of a host. */
    private readonly stepped: (who: number) => void = () => {},
  ) {
    this.hosts = setups.map(each => new Map(each.map((setup, at) => [`m${at}`, newMachine(setup, ms(0))])))
  }

  /** Lets something happen later: at a host, or elsewhere. */
  later(delay: number, to: number | undefined, run: () => void) {
    this.coming.push({ at: this.now + delay, to, run })
  }

  host = (who: number) => this.hosts[who] as Group
  state = (who: number, name = 'm0') => this.host(who).get(name) as State
  /** How many addresses each of the two hosts holds. */
  held = () => this.hosts.map(host => [...host.values()].filter(holdsAddresses).length)
  stall(who: number, length: number) {
    this.stalled[who] = this.now + length
  }

  feed(who: number, input: Input, to?: string) {
    const [next, actions] = this.stepHost(this.host(who), to, input)
    this.hosts[who] = next
    for (const { name, action } of actions) {
      if (action.kind === 'transition') this.changes.push(this.now)
      if (action.kind === 'advert') this.send(who, name, action.priority)
    }
    this.stepped(who)
  }

  private stepHost(host: Group, to: string | undefined, input: Input): ReturnType<typeof stepGroup> {
    const state = host.get('m0') as State
    if (state.setup.grouped) return stepGroup(host, to, input, ms(this.now))
    const [next, actions] = step(state, input, ms(this.now))
    return [new Map([['m0', next]]), actions.map(action => ({ name: 'm0', action }))]
  }

  private send(who: number, name: string, priority: number) {
    const { address, interval } = this.state(who, name).setup
    const chance = this.fates[this.sent++ % this.fates.length]
    const fate = this.now < this.wholeAt && chance ? chance : { lost: false, delay: 1 }
    const input: Input = { kind: 'advert', from: address, priority, interval }
    if (!fate.lost) this.later(fate.delay, 1 - who, () => this.feed(1 - who, input, name))
  }

  /** Lets everything happen that falls due until `until`, what is coming before wake-ups. */
  run(until: number) {
    for (;;) {
      const awake = (who: number, at: number) => Math.max(at, this.stalled[who] ?? 0)
      const next = this.coming
        .map(one => ({ one, at: one.to === undefined ? one.at : awake(one.to, one.at) }))
        .reduce<{ one: Coming; at: number } | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined)
      const wakes = [0, 1].map(who => awake(who, wakeGroupAt(this.host(who)) ?? Number.POSITIVE_INFINITY))
      const wake = Math.min(...wakes)
      if (Math.min(next?.at ?? wake, wake) > until) break
      if (next && next.at <= wake) {
        this.now = Math.max(this.now, next.at)
        this.coming.splice(this.coming.indexOf(next.one), 1)
        next.one.run()
      } else {
        this.now = Math.max(this.now, wake)
        this.feed(wakes[0] === wake ? 0 : 1, TIME)
      }
    }
    this.now = Math.max(this.now, until)
  }
}
