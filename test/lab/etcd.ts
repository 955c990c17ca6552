// Starts the stand's etcd members and speaks to them through their JSON gateway. Knows keys and health, nothing of what
// the keys mean.

import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hands } from './ask.js'
import type { Certs } from './certs.js'
import type { Ground } from './ground.js'

export interface Etcd {
  readonly hosts: readonly string[]
  /** Client addresses, `http://10.77.0.11:2379` …. */
  readonly urls: readonly string[]
  start(host: string): ChildProcess
  /** Answers when each of these members (default: all) says it is healthy, so has a leader. */
  healthy(hosts?: readonly string[]): Promise<void>
  enableAuth(password: string): Promise<void>
  /** Value of a key, asked of the members one after another, the last one that answered first. */
  get(key: string): Promise<string | undefined>
}

interface EtcdParts {
  readonly ground: Ground
  readonly hands: Hands
  readonly program: string
  readonly hosts: readonly string[]
  readonly certs: Certs | undefined
  readonly password: string | undefined
  readonly spawn: Ground['start']
}

/** The etcd members of a stand; nothing runs before `start`. */
export function createEtcd(parts: EtcdParts): Etcd {
  const { ground, hands, hosts, certs } = parts
  const { address, ports } = ground.network
  let lastGood = 0
  const scheme = certs ? 'https' : 'http'
  const url = (host: string) => `${scheme}://${address(host)}:${ports.etcd}`
  const ask = (host: string, path: string, body: unknown, token?: string) =>
    hands.http({
      url: `${url(host)}${path}`,
      method: 'POST',
      body: JSON.stringify(body),
      timeoutMs: 1500,
      ...(certs ? { ca: certs.ca } : {}),
      ...(token ? { headers: { authorization: token } } : {}),
    })
  return {
    hosts,
    urls: hosts.map(url),
    start: host => parts.spawn(host, 'etcd', [parts.program, ...flags(parts, host)], { asOwner: true }),
    healthy: async (which = hosts) => {
      await Promise.all(which.map(host => untilHealthy(hands, `${url(host)}/health`, certs)))
    },
    enableAuth: async password => {
      const host = hosts[0] ?? ''
      await ask(host, '/v3/auth/user/add', { name: 'root', password })
      await ask(host, '/v3/auth/role/add', { name: 'root' })
      await ask(host, '/v3/auth/user/grant', { user: 'root', role: 'root' })
      await ask(host, '/v3/auth/enable', {})
    },
    get: async key => {
      for (const host of [...hosts.slice(lastGood), ...hosts.slice(0, lastGood)]) {
        const value = await read(ask, host, key, parts.password).catch(() => undefined)
        if (value === undefined) continue
        lastGood = hosts.indexOf(host)
        return value.found
      }
      throw new Error(`no etcd member answered when asked for ${key}`)
    },
  }
}

type Ask = (host: string, path: string, body: unknown, token?: string) => Promise<{ status: number; body: string }>

async function read(ask: Ask, host: string, key: string, password?: string): Promise<{ found: string | undefined }> {
  const login = password && (await ask(host, '/v3/auth/authenticate', { name: 'root', password }))
  const token = login ? (JSON.parse(login.body) as { token: string }).token : undefined
  const { status, body } = await ask(host, '/v3/kv/range', { key: Buffer.from(key).toString('base64') }, token)
  if (status !== 200) throw new Error(`${host}: ${body}`)
  const value = (JSON.parse(body) as { kvs?: { value?: string }[] }).kvs?.[0]
  return { found: value && Buffer.from(value.value ?? '', 'base64').toString() }
}

async function untilHealthy(hands: Hands, url: string, certs: Certs | undefined): Promise<void> {
  const ask = { url, timeoutMs: 500, ...(certs ? { ca: certs.ca } : {}) }
  for (let round = 0; round < 300; round++) {
    const answer = await hands.http(ask).catch(() => undefined)
    if (answer?.status === 200 && answer.body.includes('true')) return
    await sleep(50)
  }
  throw new Error(`${url}: not healthy within 15 seconds`)
}

function flags({ ground, hosts, certs }: EtcdParts, host: string): string[] {
  const { address, ports } = ground.network
  const client = `${certs ? 'https' : 'http'}://${address(host)}:${ports.etcd}`
  const peer = (name: string) => `http://${address(name)}:${ports.etcdPeer}`
  const tls = certs ? [`--cert-file=${certs.cert}`, `--key-file=${certs.key}`] : []
  return [
    `--name=${host}`,
    `--data-dir=${ground.hostDir(host)}/etcd`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer(host)}`,
    `--initial-advertise-peer-urls=${peer(host)}`,
    `--initial-cluster=${hosts.map(name => `${name}=${peer(name)}`).join(',')}`,
    '--initial-cluster-state=new',
    '--initial-cluster-token=mekare-stand',
    '--log-level=warn',
    ...tls,
  ]
}
