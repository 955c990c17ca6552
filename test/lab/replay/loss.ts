// Three hosts are taken out at once: an etcd, a replica, and the proxy host that clients use. As with a pulled plug they fall
// silent, where links can be cut; else they are killed. Then: do the clients go on, where is the address, what does status say?

import { setTimeout as sleep } from 'node:timers/promises'
import type { MemberStatus, Status, VrrpStatus } from '../../../src/pools/status.js'
import { until } from '../cluster.js'
import { now, type Summary } from '../journal.js'
import type { Journaled } from '../observers.js'
import type { Stand } from '../stand.js'
import { listed, nameOf, paid } from './clients.js'
import { etcdHealth } from './first.js'
import type { Loss, Moved, Scene } from './scene.js'
import { type Finding, step } from './step.js'
import { AFTERMATH_MS, BEFORE_MS } from './switchover.js'

const SOON_MS = 30_000

/** Three missed adverts of a second, the skew, and what a busy machine adds. */
const MOVE_MS = 8000
/** The address moves, a connect that was lost is sent again by the client's kernel, a dead replica is dialled once. */
const GAP_MS = 15_000

export const powerCut = step({
  title: 'an etcd, a replica and the proxy host in use are taken out',
  run: async scene => {
    const { stand, clients } = scene
    const chosen = await choose(scene)
    const at = now()
    const moved = watchAddress(stand, chosen.left.host, at)
    const loss: Loss = { ...chosen, at, moved }
    scene.loss = loss
    await Promise.all([loss.etcd, loss.replica, loss.proxy.host].map(host => stand.powerOff(host)))
    const both = [clients.writer, clients.reader]
    await Promise.all(both.map(client => until(SOON_MS, 'a client has no answer', async () => wentOn(client, at))))
    await sleep(AFTERMATH_MS)
    const [writer, reader] = both.map(client => client.summary(at - BEFORE_MS)) as [Summary, Summary]
    const [written, read] = both.map(client => nameOf(stand)(lastAnswer(client)))
    const gone = [loss.etcd, loss.replica, loss.proxy.host].map(host => [host, stand.pids(host).length] as const)
    const by = { leader: await stand.leader(), replica: loss.replica, written, read }
    return { gone, writer, reader, by, silent: stand.network === 'namespaces' }
  },
  verdict: ({ gone, writer, reader, by, silent }): Finding[] => [
    {
      by: '/proc',
      saw: `nothing runs on ${listed(gone.map(([host]) => host))} any more${silent ? '; their links are cut' : ''}`,
      good: gone.every(([, processes]) => processes === 0),
    },
    paid('the writer', writer, { gap: GAP_MS, broken: 1, connects: Number.POSITIVE_INFINITY }),
    paid('the reader', reader, { gap: GAP_MS, broken: 2, connects: Number.POSITIVE_INFINITY }),
    {
      by: 'the clients',
      saw: `now ${by.written} answers the writer, ${by.read} the reader`,
      good: by.written === by.leader && by.read !== by.leader && by.read !== by.replica,
    },
  ],
})

/** Address of the member that answered last. */
function lastAnswer(client: Journaled): string {
  const last = client.entries().findLast(entry => entry.e === 'ok')
  return last?.e === 'ok' ? last.member : ''
}

/** The etcd that the proxy which stays has in use, the replica that answers the reader, the proxy that clients use. */
async function choose({ stand, proxies, clients, sight }: Scene): Promise<Omit<Loss, 'at' | 'moved'>> {
  const [holder = proxies[0].host] = await stand.holders()
  const [proxy, left] = holder === proxies[0].host ? proxies : ([proxies[1], proxies[0]] as const)
  const { clusters } = await sight(left).status()
  const inUse = clusters[0]?.source.endpoints.find(({ state }) => state === 'in use')?.name ?? ''
  const etcd = stand.etcd.hosts.find((_, i) => inUse.includes(new URL(stand.etcd.urls[i] ?? '').host))
  const leader = await stand.leader()
  const reading = nameOf(stand)(lastAnswer(clients.reader))
  const replica = [reading, ...stand.members].find(name => name !== leader && stand.members.includes(name))
  if (!etcd || !replica) throw new Error(`no etcd in use (${inUse}) or no replica to take out`)
  return { etcd, replica, proxy, left }
}

async function watchAddress(stand: Stand, left: string, since: number): Promise<Moved> {
  if (stand.floating === undefined) return { taken: undefined, alone: undefined }
  const when = (so: (holders: readonly string[]) => boolean) =>
    until(SOON_MS, '', async () => (so(await stand.holders()) ? now() - since : undefined)).catch(() => undefined)
  const taken = await when(holders => holders.includes(left))
  return { taken, alone: await when(holders => holders.join() === left) }
}

/** Whether a connection made since then has had an answer. */
async function wentOn(client: Journaled, since: number): Promise<true | undefined> {
  const entries = client.entries()
  const connected = entries.findLast(({ e, t }) => e === 'connected' && t > since)
  return (connected && entries.some(({ e, t }) => e === 'ok' && t > connected.t)) || undefined
}

export function lossOf({ loss }: Scene): Loss {
  if (!loss) throw new Error('nothing was taken out')
  return loss
}

export const addressMoved = step({
  title: 'the other proxy host has taken the floating address',
  floating: true,
  run: async scene => {
    const { moved, left } = lossOf(scene)
    const { taken, alone } = await moved
    const { vrrp } = JSON.parse((await left.get('/status')).body) as { vrrp?: readonly VrrpStatus[] }
    return { left: left.host, taken, alone, holders: await scene.stand.holders(), role: vrrp?.[0]?.report?.role }
  },
  verdict: ({ left, taken, alone, holders, role = 'no sidecar' }): Finding[] => [
    {
      by: 'ip addr',
      saw: `${left} had it after ${text(taken)}, and alone after ${text(alone)}; now ${listed(holders)} ${holders.length > 1 ? 'have' : 'has'} it`,
      good: taken !== undefined && taken < MOVE_MS && holders.join() === left,
      ...(taken === undefined ? {} : { ms: Math.round(taken) }),
    },
    { by: 'mekare status', saw: `${left} ${role}`, good: role === 'master' },
  ],
})

const text = (ms: number | undefined) => (ms === undefined ? 'more than 30 s' : `${(ms / 1000).toFixed(1)} s`)

export const whatIsLeft = step({
  title: 'what is left says what is missing, and why',
  run: async scene => {
    const { stand } = scene
    const loss = lossOf(scene)
    const status = await until(SOON_MS, `${loss.left.host} did not notice all that is missing`, async () => {
      const said = await scene.sight(loss.left).status()
      return Object.values(missing(said, loss, stand)).every(Boolean) ? said : undefined
    })
    const [etcd, members, leader] = await Promise.all([etcdHealth(stand), stand.status(), stand.leader()])
    return { loss, etcd, members, leader, status, reasons: missing(status, loss, stand) }
  },
  verdict: ({ loss, etcd, members, leader, status, reasons }): Finding[] => {
    const gone = members.find(({ name }) => name === loss.replica)
    const gate = status.clusters[0]?.gate
    return [
      { by: 'etcdctl', saw: `${etcd.healthy} of ${etcd.all} etcd are healthy`, good: etcd.healthy === etcd.all - 1 },
      {
        by: 'Patroni',
        saw: `${loss.replica}: ${gone?.role}; the leader is ${leader}`,
        good: gone?.role === 'no answer',
      },
      {
        by: 'mekare status',
        saw: gate?.kind === 'open' ? `gate open to ${gate.member}` : `gate closed: ${gate?.why}`,
        good: gate?.kind === 'open' && gate.member === leader,
      },
      ...Object.entries(reasons).map(([what, why]) => ({ by: 'mekare status', saw: `${what}: ${why}`, good: !!why })),
    ]
  },
})

/** What a proxy says of each that was taken out; undefined where it takes it for well. */
function missing(status: Status, loss: Loss, stand: Stand): Record<string, string | undefined> {
  const cluster = status.clusters[0]
  const { host } = new URL(stand.etcd.urls[stand.etcd.hosts.indexOf(loss.etcd)] ?? '')
  const endpoint = cluster?.source.endpoints.find(({ name }) => name.includes(host))
  const member = cluster?.members.find(({ name }) => name === loss.replica)
  return {
    [loss.etcd]: endpoint?.state === 'failed' ? (endpoint.why ?? 'failed') : undefined,
    [loss.replica]: whyNotRead(member),
  }
}

/** Why a member takes no readers; undefined where it does, or is taken for well. */
function whyNotRead(member: MemberStatus | undefined): string | undefined {
  // On a slow machine its key has expired by now.
  if (!member) return 'no member any more: its key is gone'
  const verdict = member.pools.find(({ listen }) => listen === 'read')
  return !member.healthy && verdict?.usable === false ? verdict.why : undefined
}
