// One contender at work on both hosts: what is started, what befalls the better host, and how everything is put right again.

import { setTimeout as sleep } from 'node:timers/promises'
import { type FloatingHosts, type Program, waitFor } from '../../../test/lab/floating.js'
import { K, M, VIP } from '../../../test/lab/pair.js'
import { freezeAll, signal } from '../../../test/lab/processes.js'
import { wall } from '../../../test/lab/wiretap.js'
import type { Contend, Contender } from './contender.js'
import type { Wire } from './site.js'

type Part = 'proxy' | 'sidecar'
const PARTS = ['proxy', 'sidecar'] as const

export interface Team {
  readonly contender: Contender
  readonly hosts: FloatingHosts
  program(host: string, part: Part): Program
  /** SIGKILL to every process of the part, its children too. */
  kill(host: string, ...parts: Part[]): void
  freeze(host: string): void
  thaw(host: string): void
  /** Plugs in, thaws and starts what is missing; answers when the better host alone has had the address for a while. */
  restore(): Promise<void>
  /** Ends everything in order. */
  end(): Promise<void>
}

/** The host that has the address may take this long to get it: three intervals, a script's turn, a program's start. */
const PATIENCE_S = 20

/** Starts a contender on both hosts; answers when the better one has the address. */
export async function startTeam(wire: Pick<Wire, 'hosts' | 'tap' | 'keep'>, contend: Contend): Promise<Team> {
  const { hosts } = wire
  const contender = contend(hosts)
  const running = new Map<string, Program>()
  const program = (host: string, part: Part) => running.get(`${host} ${part}`) as Program

  async function ensure(host: string, part: Part): Promise<void> {
    const known = running.get(`${host} ${part}`)
    if (known?.child.killed) await known.done()
    if (known && known.child.exitCode === null && known.child.signalCode === null) return
    running.set(`${host} ${part}`, wire.keep(contender[part](host)))
  }

  /** Of the host's processes those that are not the other part. */
  const pidsOf = (host: string, part: Part) =>
    part === 'proxy'
      ? [program(host, 'proxy').child.pid ?? 0]
      : hosts.pids(host).filter(pid => pid !== program(host, 'proxy').child.pid)

  async function restore(): Promise<void> {
    hosts.cable(M, 'up')
    for (const pid of hosts.pids(M)) signal(pid, 'SIGCONT')
    for (const host of [M, K]) for (const part of PARTS) await ensure(host, part)
    await waitFor(`${contender.name}: the better host has the address`, PATIENCE_S, () => hosts.alone(M, [VIP]))
    const since = wall()
    await sleep(Math.max(1200, 2 * contender.interval))
    if (!wire.tap.answers.some(({ at, host }) => at > since && host === M))
      throw new Error(`${contender.name}: the better host has the address and does not answer`)
  }

  await restore()
  return {
    contender,
    hosts,
    program,
    kill(host, ...parts) {
      for (const pid of parts.flatMap(part => pidsOf(host, part))) signal(pid, 'SIGKILL')
    },
    freeze: host => freezeAll(() => hosts.pids(host)),
    thaw: host => {
      for (const pid of hosts.pids(host)) signal(pid, 'SIGCONT')
    },
    restore,
    async end() {
      await Promise.all([...running.values()].map(one => one.end()))
    },
  }
}
