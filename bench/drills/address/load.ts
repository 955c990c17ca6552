// All processors are busy with programs that never rest: the address must stay where it is, as long as the host that has it lives.

import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FloatingHosts } from '../../../test/lab/floating.js'
import { C, K, M } from '../../../test/lab/pair.js'
import { silence, wall } from '../../../test/lab/wiretap.js'
import { type Figure, none, noted } from '../figure.js'
import { type Contend, mekare } from './contender.js'
import { onWire, type Wire } from './site.js'
import { startTeam } from './team.js'

const SECONDS = 60
/** For each processor. */
const BUSY = 4

interface Case {
  readonly name: string
  readonly contend: Contend
  /** Whether a takeover is a failure, or told for the record. */
  readonly mustStay: boolean
}

/** Without the capability a sidecar cannot raise its priority, and has to share. */
const CASES: readonly Case[] = [
  { name: 'adverts 100 ms', contend: mekare(100), mustStay: true },
  { name: 'adverts 10 ms', contend: mekare(10), mustStay: false },
  {
    name: 'adverts 100 ms, at usual priority',
    contend: mekare(100, ['setpriv', '--bounding-set=-sys_nice']),
    mustStay: false,
  },
]

/** Programs that do nothing but count, and end by themselves. */
const startBusy = (hosts: FloatingHosts, count: number) =>
  Array.from({ length: count }, () => hosts.watch(C, ['timeout', String(SECONDS), 'sh', '-c', 'while :; do :; done']))

async function measure(wire: Wire, { name, contend, mustStay }: Case): Promise<Figure[]> {
  const { hosts, tap, tenancy } = wire
  const team = await startTeam(wire, contend)
  const busy = startBusy(hosts, BUSY * cpus().length)
  const since = wall()
  await Promise.all(busy.map(program => program.done()))
  const until = wall()
  await sleep(1000)
  const taken = tenancy.spells().filter(({ host, from }) => host === K && from >= since).length
  const given = tenancy.spells().filter(({ host, until: end }) => host === M && end >= since && end < until).length
  const adverts = tap.adverts.filter(({ host }) => host === M)
  const moves = `${taken} taken, ${given} given up`
  wire.say(`${name}: ${moves}, longest time between adverts ${Math.round(silence(adverts, since, until))} ms`)
  await team.end()
  return [
    mustStay ? none(`${name}: takeovers`, taken + given, moves) : noted(`${name}: takeovers`, taken + given),
    noted('  longest time between two adverts', silence(adverts, since, until), 'ms'),
  ]
}

export const underLoad = onWire({
  name: 'load',
  says: `${BUSY} busy programs on each processor for ${SECONDS} s`,
  async run(wire) {
    const figures: Figure[] = []
    for (const each of CASES) figures.push(...(await measure(wire, each)))
    return figures
  },
})
