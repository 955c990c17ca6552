// The first state: everybody is there and in their place. Told by etcdctl, by Patroni of each member, by psql through both ports,
// and then by mekare, whose words must agree. The last step of the replay asks for the same again.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterStatus, Status, VrrpStatus } from '../../../src/pools/status.js'
import type { MemberView } from '../cluster.js'
import { now } from '../journal.js'
import type { ProxyProcess } from '../proxy.js'
import type { Stand } from '../stand.js'
import { listed, nameOf } from './clients.js'
import type { Scene } from './scene.js'
import { type Finding, step } from './step.js'

const SETTLED_WITHIN_MS = 30_000

/** Who answered at a port. */
export interface Door {
  readonly member: string
  readonly recovery: boolean
}

export interface FirstState {
  readonly leader: string | undefined
  readonly members: readonly MemberView[]
  readonly etcd: { readonly healthy: number; readonly all: number }
  readonly write: Door | string
  readonly read: Door | string
  readonly told: readonly Told[]
  /** Whether a PgBouncer stands beside each member. */
  readonly pooled: boolean
}

interface Told {
  readonly proxy: string
  /** What `mekare status --json` printed. */
  readonly status: Status
  /** Whether `/status` is the same document, times and counts aside. */
  readonly same: boolean
}

export const firstState = step({
  title: 'the cluster in its first state',
  run: settledState,
  verdict: judgeState,
})

/** Looks until all is as it should be, or answers what it saw last. */
export async function settledState(scene: Scene): Promise<FirstState> {
  let last = await lookAround(scene)
  const end = now() + SETTLED_WITHIN_MS
  while (!judgeState(last).every(({ good }) => good) && now() < end) {
    await sleep(200)
    last = await lookAround(scene)
  }
  return last
}

/** Asks everybody once. */
async function lookAround(scene: Scene): Promise<FirstState> {
  const { stand } = scene
  const [leader, members, etcd, write, read, told] = await Promise.all([
    stand.leader(),
    stand.status(),
    etcdHealth(stand),
    knock(scene, 'write'),
    knock(scene, 'read'),
    Promise.all(scene.proxies.map(proxy => ask(scene, proxy))),
  ])
  return { leader, members, etcd, write, read, told, pooled: stand.settings.poolers !== undefined }
}

/** Of the etcd members, how many `etcdctl endpoint health` calls healthy. */
export async function etcdHealth(stand: Stand): Promise<{ readonly healthy: number; readonly all: number }> {
  const { stdout } = await stand.etcdctl('endpoint', 'health', '--command-timeout=2s', '--write-out=json')
  const answers = JSON.parse(stdout || '[]') as readonly { readonly health: boolean }[]
  return { healthy: answers.filter(({ health }) => health).length, all: stand.etcd.hosts.length }
}

/** Who answers at a port as psql is told, or its error. */
export async function knock(scene: Scene, door: 'write' | 'read'): Promise<Door | string> {
  const asked = 'select host(inet_server_addr()), pg_is_in_recovery()'
  const { code, stdout, stderr } = await scene.psql(door, asked, { as: 'app', database: 'app' })
  const [address = '', recovery] = stdout.trim().split('|')
  return code === 0 ? { member: nameOf(scene.stand)(address), recovery: recovery === 't' } : stderr.trim()
}

async function ask(scene: Scene, proxy: ProxyProcess): Promise<Told> {
  const { stdout } = await scene.sight(proxy).cli('status', '--json')
  const { body } = await proxy.get('/status')
  return { proxy: proxy.host, status: JSON.parse(stdout) as Status, same: plain(stdout) === plain(body) }
}

/** A document without what changes from one moment to the next: numbers, and times and sizes in words. */
export function plain(text: string): string {
  const amount = /\b\d+(\.\d+)?(ms|s|min|h|d|B|[KMGT]iB)\b/g
  return JSON.stringify(JSON.parse(text), (_, value) => {
    if (typeof value === 'number') return 0
    return typeof value === 'string' ? value.replace(amount, '#').replace(/#( #)+/g, '#') : value
  })
}

/** Judges what was seen: everybody is there, and mekare says the same as they do. */
export function judgeState(seen: FirstState): Finding[] {
  const { leader = 'nobody', members, etcd, write, read, told } = seen
  const primary = members.find(({ name }) => name === leader)
  const standbys = members.filter(({ name }) => name !== leader).map(({ name }) => name)
  const streaming = standbys.filter(name => primary?.streaming.includes(name))
  const stream = streaming.length === 1 ? 'streams' : 'stream'
  return [
    { by: 'etcdctl', saw: `${etcd.healthy} of ${etcd.all} etcd are healthy`, good: etcd.healthy === etcd.all },
    {
      by: 'Patroni',
      saw: `${leader} is the ${primary?.role ?? 'leader'}; ${listed(streaming)} ${stream} from it`,
      good: primary?.role === 'primary' && streaming.length === standbys.length,
    },
    {
      by: 'psql',
      saw: `write port: ${doorWords(write)}`,
      good: isDoor(write) && write.member === leader && !write.recovery,
    },
    {
      by: 'psql',
      saw: `read port: ${doorWords(read)}`,
      good: isDoor(read) && standbys.includes(read.member) && read.recovery,
    },
    ...told.map(each => agreed(each, seen)),
    ...(seen.pooled ? told.map(each => throughPoolers(each, members)) : []),
  ]
}

/** Whether a proxy has found the PgBouncer beside each member, and it answers. */
function throughPoolers({ proxy, status }: Told, members: readonly MemberView[]): Finding {
  const known = status.clusters[0]?.members ?? []
  const well = known.flatMap(({ name, pooler }) => (pooler?.healthy ? [name] : []))
  const saw = `${proxy}: clients go through the pooler beside ${listed(well)}`
  return { by: 'mekare status', saw, good: well.length === members.length }
}

const isDoor = (door: Door | string): door is Door => typeof door !== 'string'

/** Who answered at a port, in words, or the error. */
export const doorWords = (door: Door | string) =>
  isDoor(door) ? `${door.member} answers, ${door.recovery ? 'in recovery' : 'out of recovery'}` : door

/** Whether a proxy says of the cluster what the cluster says of itself. */
function agreed({ proxy, status, same }: Told, { leader, members, etcd }: FirstState): Finding {
  const cluster = status.clusters[0]
  const gate = cluster?.gate
  const roles = (all: readonly { readonly name: string; readonly role: string }[]) =>
    all.map(({ name, role }) => `${name} ${role}`).join()
  const usable = (listen: string) => cluster?.members.filter(usableAt(listen)).map(({ name }) => name) ?? []
  const well = cluster?.source.endpoints.filter(({ state }) => state !== 'failed').length ?? 0
  const good =
    gate?.kind === 'open' &&
    gate.member === leader &&
    cluster?.leader === leader &&
    roles(cluster?.members ?? []) === roles(members) &&
    usable('write').join() === leader &&
    usable('read').length === members.length - 1 &&
    well === etcd.all &&
    same
  const open = gate?.kind === 'open' ? `open to ${gate.member}` : `closed: ${gate?.why}`
  const document = same ? '/status agrees' : '/status is another document'
  const saw = `${proxy}: gate ${open}, reads from ${listed(usable('read'))}, ${well} of ${etcd.all} etcd; ${document}`
  return { by: 'mekare status', saw, good }
}

const usableAt = (listen: string) => (member: ClusterStatus['members'][number]) =>
  member.pools.some(pool => pool.listen === listen && pool.usable)

interface Held {
  readonly wanted: string
  readonly holders: readonly string[]
  /** What the sidecar of each proxy says it is. */
  readonly roles: Readonly<Record<string, string>>
}

export const firstHolder = step({
  title: 'one proxy host has the floating address',
  floating: true,
  run: lookForHolder,
  verdict: judgeHolder,
})

/** Who has the address, asked of every host that runs. */
export async function lookForHolder({ stand, proxies }: Scene): Promise<Held> {
  const role = async (proxy: ProxyProcess) => {
    const { vrrp } = JSON.parse((await proxy.get('/status')).body) as { vrrp?: readonly VrrpStatus[] }
    return [proxy.host, vrrp?.[0]?.report?.role ?? 'no sidecar'] as const
  }
  const [holders, roles] = await Promise.all([stand.holders(), Promise.all(proxies.map(role))])
  return { wanted: proxies[0].host, holders, roles: Object.fromEntries(roles) }
}

export function judgeHolder({ wanted, holders, roles }: Held): Finding[] {
  const said = Object.entries(roles)
  return [
    {
      by: 'ip addr',
      saw: `${listed(holders)} ${holders.length > 1 ? 'have' : 'has'} it`,
      good: holders.join() === wanted,
    },
    {
      by: 'mekare status',
      saw: said.map(([host, role]) => `${host} ${role}`).join(', '),
      good: said.every(([host, role]) => role === (host === wanted ? 'master' : 'backup')),
    },
  ]
}
