// One fault after another befalls the host that has the address, under mekare and under HAProxy with keepalived on the same wire: when
// does the other host answer, how long did nobody, how long did both have the address?

import { setTimeout as sleep } from 'node:timers/promises'
import { K, M } from '../../../test/lab/pair.js'
import { type Gap, gapAfter, wall } from '../../../test/lab/wiretap.js'
import { atMost, type Figure, median, noted, spread, worst } from '../figure.js'
import { type Contend, keepalived, mekare } from './contender.js'
import { onWire, type Wire } from './site.js'
import { startTeam, type Team } from './team.js'
import { doubled } from './tenancy.js'

export interface Outcome extends Gap {
  /** How long both hosts had the address. */
  readonly both: number
  /** From the fault to the end of that; undefined: it never was so. */
  readonly bothUntil: number | undefined
}

interface Fault {
  readonly name: string
  readonly says: string
  /** Half an interval after an advert, so that every contender has the same part of it before it; else at any moment. */
  readonly betweenAdverts: boolean
  /** How long the host is watched after the fault, in ms; at least until the other answers. */
  readonly watched: number
  /** Its kernel still takes connections, and nobody serves them: they do not count. */
  readonly mute: boolean
  strike(team: Team): void
  /** What the median of the answered times must not pass; undefined: for the record. `theirs`: keepalived's at the same interval. */
  goal(interval: number, skew: number, theirs: number | undefined): number | undefined
}

/** The longest that anybody is waited for. */
const GIVEN_UP = 8000
/** keepalived and mekare are told apart by no less than this. */
const NOISE = 25
/** How long two hosts of mekare may have the address after a fault. */
const BOTH_AT_MOST = 3000

/** What an orderly goodbye allows: at adverts of 1 s and 100 ms the figures asked of mekare, else the skew and 50 ms. */
const goodbye = (interval: number, skew: number) => ({ 1000: 100, 100: 30 })[interval] ?? skew + 50

const FAULTS: readonly Fault[] = [
  {
    name: 'proxy-killed',
    says: 'the proxy of the host that has the address is killed',
    betweenAdverts: false,
    watched: 500,
    mute: false,
    strike: team => team.kill(M, 'proxy'),
    goal: goodbye,
  },
  {
    name: 'stopped',
    says: 'the sidecar or keepalived that has the address is stopped in order (SIGTERM)',
    betweenAdverts: false,
    watched: 500,
    mute: false,
    strike: team => void team.program(M, 'sidecar').child.kill('SIGTERM'),
    goal: goodbye,
  },
  {
    name: 'sidecar-killed',
    says: 'the sidecar or keepalived that has the address is killed (SIGKILL)',
    betweenAdverts: true,
    watched: 5000,
    mute: false,
    strike: team => team.kill(M, 'sidecar'),
    goal: () => undefined,
  },
  {
    name: 'both-killed',
    says: 'proxy and sidecar, or HAProxy and keepalived, are killed at once',
    betweenAdverts: true,
    watched: 5000,
    mute: false,
    strike: team => team.kill(M, 'proxy', 'sidecar'),
    goal: () => undefined,
  },
  {
    name: 'link-down',
    says: 'the cable of the host that has the address is pulled',
    betweenAdverts: true,
    watched: 500,
    mute: false,
    strike: ({ hosts }) => hosts.cable(M, 'down'),
    goal: (interval, _, theirs) => (interval === 1000 ? (theirs ?? 0) + NOISE : interval === 100 ? 400 : undefined),
  },
  {
    name: 'frozen',
    says: 'everything on the host that has the address is frozen (SIGSTOP)',
    betweenAdverts: true,
    watched: 5000,
    mute: true,
    strike: team => team.freeze(M),
    goal: () => undefined,
  },
]

/** Lets the fault happen, and answers what the client and the hosts' addresses say of it. */
async function strike({ tap, tenancy }: Wire, team: Team, fault: Fault): Promise<Outcome> {
  const { interval } = team.contender
  await sleep(Math.random() * 2000)
  if (fault.betweenAdverts) {
    const heard = tap.adverts.length
    for (const end = wall() + 5 * interval; tap.adverts.length === heard && wall() < end; ) await sleep(1)
    await sleep(interval / 2)
  }
  const since = wall()
  fault.strike(team)
  const answered = () => tap.answers.some(({ at, host }) => at >= since && host === K)
  while (!answered() && wall() < since + GIVEN_UP) await sleep(20)
  await sleep(Math.max(300, since + fault.watched - wall()))
  const counted = fault.mute ? tap.answers.filter(({ at, host }) => at < since || host === K) : tap.answers
  const { total, until } = doubled(tenancy.spells(), since)
  return { ...gapAfter(counted, since, wall(), K), both: total, bothUntil: until && until - since }
}

const ms = (value: number | undefined) => (value === undefined ? '?' : `${Math.round(value)}`)

async function measure(wire: Wire, contend: Contend, fault: Fault, runs: number): Promise<Series> {
  const team = await startTeam(wire, contend)
  const outcomes: Outcome[] = []
  for (let run = 0; run < runs; run++) {
    if (run > 0) await team.restore()
    const outcome = await strike(wire, team, fault)
    const { answered, longest, both, bothUntil } = outcome
    const doubled = bothUntil === undefined ? '' : `, both had it for ${ms(both)} ms, until ${ms(bothUntil)} ms after`
    wire.say(
      `${team.contender.name}: the other host answered after ${ms(answered)} ms, nobody for ${ms(longest)} ms${doubled}`,
    )
    outcomes.push(outcome)
  }
  await team.restore()
  await team.end()
  const { name, interval, skew } = team.contender
  return { name, interval, skew, outcomes, ours: name.startsWith('mekare') }
}

interface Series {
  readonly name: string
  readonly interval: number
  readonly skew: number
  readonly ours: boolean
  readonly outcomes: readonly Outcome[]
}

function figuresOf(
  { name, interval, skew, ours, outcomes }: Series,
  fault: Fault,
  theirs: number | undefined,
): Figure[] {
  const answered = outcomes.map(one => one.answered)
  const goal = ours ? fault.goal(interval, skew, theirs) : undefined
  const first = `${name}: the other host answers, median of ${outcomes.length}`
  const both = outcomes.map(one => one.bothUntil ?? 0)
  return [
    goal === undefined ? noted(first, median(answered), 'ms') : atMost(first, median(answered), goal, 'ms'),
    noted('  least and most', spread(answered), 'ms'),
    noted('  longest without an answer, median', median(outcomes.map(one => one.longest)), 'ms'),
    ours
      ? atMost('  end of two holders, after the fault, worst', worst(both), BOTH_AT_MOST, 'ms')
      : noted('  end of two holders, after the fault, worst', worst(both), 'ms'),
  ]
}

function besideDrill(fault: Fault) {
  const others = fault.name === 'proxy-killed' ? [keepalived('weight')] : []
  return onWire({
    name: fault.name,
    says: fault.says,
    async run(wire, { runs = 5 }) {
      const series: Series[] = []
      for (const contend of [keepalived('fault'), ...others, mekare(1000), mekare(100), mekare(10)])
        series.push(await measure(wire, contend, fault, runs))
      const theirs = median(series[0]?.outcomes.map(one => one.answered) ?? [])
      return series.flatMap(each => figuresOf(each, fault, theirs))
    },
  })
}

export const besideKeepalived = FAULTS.map(besideDrill)
