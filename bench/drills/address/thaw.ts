// Everything on the host that has the address is frozen, and comes back: it must not have the address beside the other host for longer
// than one advert needs, nor draw clients to itself before it is master again.

import { setTimeout as sleep } from 'node:timers/promises'
import { M, VIP } from '../../../test/lab/pair.js'
import { silence, wall } from '../../../test/lab/wiretap.js'
import { atMost, type Figure, noted, spread, worst } from '../figure.js'
import { type Contend, keepalived, mekare } from './contender.js'
import { onWire, type Wire } from './site.js'
import { startTeam } from './team.js'
import { doubled } from './tenancy.js'

/** How long a thawed host may have the address beside the other: one advert on its way, on a machine with other things to do. */
const BOTH_AT_MOST = 50
/** A client asks every 5 ms; this much may go by when an address changes hands in order. */
const SILENCE_AT_MOST = 100

interface Case {
  readonly contend: Contend
  /** How long the host is frozen, in ms. */
  readonly frozen: number
}

/** At adverts of 1 s a freeze of 3.5 s is no more than a pause to the frozen one, while the other has taken over already. */
const CASES: readonly Case[] = [
  { contend: keepalived('fault'), frozen: 3500 },
  { contend: keepalived('fault'), frozen: 7000 },
  { contend: mekare(1000), frozen: 3500 },
  { contend: mekare(1000), frozen: 7000 },
  { contend: mekare(100), frozen: 3500 },
]

interface Thawed {
  /** How long both had it after the thaw, in ms. */
  readonly both: number
  /** The longest time without an answer after the thaw, in ms. */
  readonly silent: number
  /** From the thaw until the thawed host alone has the address again. */
  readonly back: number
}

async function measure(wire: Wire, { contend, frozen }: Case, runs: number) {
  const { hosts, tap, tenancy } = wire
  const team = await startTeam(wire, contend)
  const seen: Thawed[] = []
  for (let run = 0; run < runs; run++) {
    if (run > 0) await team.restore()
    await sleep(Math.random() * team.contender.interval)
    team.freeze(M)
    await sleep(frozen)
    const since = wall()
    team.thaw(M)
    while (!hosts.alone(M, [VIP]) && wall() < since + 10_000) await sleep(50)
    const back = wall() - since
    await sleep(1000)
    const { total } = doubled(tenancy.spells(), since)
    const silent = silence(tap.answers, since, wall())
    wire.say(
      `${team.contender.name}, frozen for ${frozen} ms: both had it for ${Math.round(total)} ms, nobody answered for ${Math.round(silent)} ms, back after ${Math.round(back)} ms`,
    )
    seen.push({ both: total, silent, back })
  }
  await team.end()
  return { name: `${team.contender.name}, frozen for ${frozen} ms`, seen }
}

function figuresOf(name: string, seen: readonly Thawed[]): Figure[] {
  const ours = name.startsWith('mekare')
  const bound = (words: string, value: number | undefined, limit: number) =>
    ours ? atMost(words, value, limit, 'ms') : noted(words, value, 'ms')
  return [
    bound(
      `${name}: both had it after the thaw, worst of ${seen.length}`,
      worst(seen.map(one => one.both)),
      BOTH_AT_MOST,
    ),
    bound('  longest without an answer after the thaw, worst', worst(seen.map(one => one.silent)), SILENCE_AT_MOST),
    noted('  the thawed host alone has it again after, least and most', spread(seen.map(one => one.back)), 'ms'),
  ]
}

export const thawed = onWire({
  name: 'thaw',
  says: 'everything on the host that has the address is frozen for a while and thawed',
  async run(wire, { runs = 3 }) {
    const figures: Figure[] = []
    for (const each of CASES) {
      const { name, seen } = await measure(wire, each, runs)
      figures.push(...figuresOf(name, seen))
    }
    return figures
  },
})
