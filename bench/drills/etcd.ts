// The etcd member that mekare has in use fails in one of three silent ways, and a switchover is asked for at once.

import { now } from '../../test/lab/journal.js'
import type { Change } from './change.js'
import { changeSeen, type Field, primaryOf, switchover } from './field.js'
import { atMost, type Figure, must, noted, worst } from './figure.js'
import { onStand } from './stand-site.js'
import { extra, noHarm, sentence } from './switchover.js'

export interface Fault {
  readonly name: string
  readonly says: string
  strike(field: Field, etcd: string): Promise<void>
  heal(field: Field, etcd: string): Promise<void>
}

const peersOf = ({ stand }: Field, etcd: string) => stand.etcd.hosts.filter(host => host !== etcd)

export const FROZEN: Fault = {
  name: 'etcd-freeze',
  says: 'the etcd member in use is frozen',
  strike: async ({ stand }, etcd) => stand.freeze(etcd),
  heal: async ({ stand }, etcd) => stand.thaw(etcd),
}

const BLACK_HOLE: Fault = {
  name: 'etcd-blackhole',
  says: 'what passes between mekare and the etcd member in use is lost',
  strike: ({ stand }, etcd) => stand.cut(etcd, ['proxy1']),
  heal: ({ stand }, etcd) => stand.mend(etcd, ['proxy1']),
}

const ISOLATED: Fault = {
  name: 'etcd-isolate',
  says: 'the etcd member in use is cut off from its peers, and still reached by mekare',
  strike: (field, etcd) => field.stand.cut(etcd, peersOf(field, etcd)),
  heal: (field, etcd) => field.stand.mend(etcd, peersOf(field, etcd)),
}

/** Strikes the member in use, switches over at once, heals it, and answers what the journals say. */
export async function strikeAndSwitch(field: Field, fault: Fault): Promise<Change> {
  const { stand } = field
  const writer = await field.writer({ name: `write-${now()}` })
  await stand.untilStreaming()
  const old = await primaryOf(stand)
  const etcd = await inUse(field)
  const since = now()
  await fault.strike(field, etcd)
  try {
    await switchover(field, old)
    const change = await changeSeen(field, writer, { old, since })
    field.say(`${etcd}: ${sentence(change)}`)
    return change
  } finally {
    await fault.heal(field, etcd)
    await stand.etcd.healthy()
    await writer.stop()
  }
}

/** The etcd member that mekare says it has in use: whom to strike, no part of the verdict. */
async function inUse({ proxy, stand }: Field): Promise<string> {
  const { body } = await proxy.get('/status')
  const status = JSON.parse(body) as { clusters: { source: { endpoints: { name: string; state: string }[] } }[] }
  const endpoints = status.clusters.flatMap(({ source }) => source.endpoints)
  const used = endpoints.find(({ state }) => state === 'in use')?.name ?? ''
  const host = stand.etcd.hosts.find(each => used.includes(`${stand.address(each)}:`))
  if (host === undefined) throw new Error(`/status names no etcd member in use: ${JSON.stringify(endpoints)}`)
  return host
}

function faultDrill(fault: Fault) {
  return onStand({
    name: fault.name,
    says: `${fault.says}, then a switchover`,
    async run(field, { runs = 3 }) {
      const changes: Change[] = []
      for (let run = 0; run < runs; run++) changes.push(await strikeAndSwitch(field, fault))
      return figures(changes)
    },
  })
}

function figures(changes: readonly Change[]): Figure[] {
  const lost = changes.filter(({ gap }) => gap === undefined).length
  return [
    atMost(`gap minus multi-host, worst of ${changes.length}`, worst(changes.map(extra)), 2000, 'ms'),
    noted('part after the promotion, worst', worst(changes.map(({ tail }) => tail)), 'ms'),
    noted('whole gap, worst', worst(changes.map(({ gap }) => gap)), 'ms'),
    noted('multi-host gap, worst', worst(changes.map(({ multihostGap }) => multihostGap)), 'ms'),
    must('gaps that ended', lost === 0, `${changes.length - lost} of ${changes.length}`, 'all'),
    ...noHarm(changes),
  ]
}

export const etcdFaults = [FROZEN, BLACK_HOLE, ISOLATED].map(faultDrill)
