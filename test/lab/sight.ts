// Reads from outside what a proxy tells: its log, its metrics, its status, and the command line over its control socket.
// Knows their formats, nothing of the proxy's inside.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Status } from '../../src/pools/status.js'
import { until } from './cluster.js'
import type { Output } from './ground.js'
import { PROGRAM } from './programs.js'
import type { ProxyProcess } from './proxy.js'
import type { Stand } from './stand.js'

export { PROGRAM }

export interface Sight {
  /** Messages of its log, or of its sidecar's (JSON lines; other lines as they are), that match. */
  lines(pattern?: RegExp, program?: 'mekare' | 'vrrp'): string[]
  /** Waits for a line. */
  line(pattern: RegExp, withinMs?: number): Promise<string>
  /** Sum of the samples of a metric that have these labels; 0 when there is none. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  status(): Promise<Status>
  /** Whether a listener could serve a client now, as `/readyz` has it. */
  ready(listener: string): Promise<boolean>
  /** Waits until writers are let in; throws when the process ends before. */
  gateOpens(): Promise<void>
  /** Runs `mekare VERB …` on its control socket. */
  cli(...args: readonly string[]): Promise<Output>
  /** What a verb asks of the control socket, such as `drain?member=pg2`, and what it would print; throws where that is a refusal. */
  order(path: string): Promise<string>
  /** A member's verdict for a listener, as `explain` prints it. */
  explain(listener: string, member: string): Promise<string>
  /** Waits until a member's verdict matches; answers it. */
  verdict(listener: string, member: string, pattern: RegExp, withinMs?: number): Promise<string>
  /** Open file descriptors of the process. */
  descriptors(): number
  /** The same, once it has every connection of its own: it stands in etcd beside the other proxies. */
  descriptorsAtRest(): Promise<number>
}

/** A proxy seen from outside. */
export function see(stand: Stand, proxy: ProxyProcess): Sight {
  const logOf = (program: string) => join(stand.dir, proxy.host, `${program}.log`)
  const lines: Sight['lines'] = (pattern = /./, program = 'mekare') =>
    readLines(logOf(program)).filter(line => pattern.test(line))
  const cli = (...args: readonly string[]) =>
    stand.clientExec([process.execPath, PROGRAM, ...args, '--socket', proxy.socket])
  const control = async (method: 'GET' | 'POST', path: string) => {
    const { status, body } = await proxy.control(method, `/${path}`)
    if (status !== 200) throw new Error(`${path}: ${status} ${body}`)
    return body
  }
  const explain = async (listener: string, member: string) => {
    const said = await control('GET', `explain?listener=${listener}`)
    return said.split('\n').find(line => line.startsWith(`${member}: `)) ?? `${member} is not in: ${said}`
  }
  const status = async () => JSON.parse((await proxy.get('/status')).body) as Status
  const ready = async (listener: string) => (await proxy.get(`/readyz?listener=${listener}`)).status === 200
  const descriptors = () => readdirSync(`/proc/${proxy.child.pid}/fd`).length
  return {
    lines,
    cli,
    order: path => control('POST', path),
    explain,
    status,
    ready,
    gateOpens: async () => {
      await until(15_000, 'the gate did not open', async () => {
        if (proxy.child.exitCode !== null) throw new Error(`it ended with ${proxy.child.exitCode}`)
        return (await ready('write')) || undefined
      })
    },
    descriptors,
    descriptorsAtRest: () =>
      until(10_000, 'it is not registered', async () => {
        const { clusters } = await status()
        return clusters.every(({ fleet }) => fleet?.unknown === undefined) ? descriptors() : undefined
      }),
    line: (pattern, withinMs = 5000) =>
      until(withinMs, `no line like ${pattern} in ${logOf('mekare')}`, async () => lines(pattern).at(-1)),
    metric: async (name, labels = {}) => sum((await proxy.get('/metrics')).body, name, labels),
    verdict: async (listener, member, pattern, withinMs = 10_000) => {
      let last = ''
      return until(withinMs, `${member} for ${listener} did not become ${pattern}`, async () => {
        const found = await proxy.get('/status').then(({ body }) => verdictIn(JSON.parse(body), listener, member))
        last = found ?? last
        return found !== undefined && pattern.test(found) ? found : undefined
      }).catch((error: Error) => {
        throw new Error(`${error.message}; it is: ${last}`)
      })
    },
  }
}

function readLines(log: string): string[] {
  const text = readFileSync(log, 'utf8')
  return text.split('\n').flatMap(line => (line === '' ? [] : [messageOf(line)]))
}

function messageOf(line: string): string {
  try {
    return (JSON.parse(line) as { msg?: string }).msg ?? line
  } catch {
    return line
  }
}

function sum(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
  const samples = text.split('\n').filter(line => /^[{ ]/.test(line.slice(name.length)) && line.startsWith(name))
  const chosen = samples.filter(line => wanted.every(label => line.includes(label)))
  return chosen.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

function verdictIn(status: Status, listener: string, member: string): string | undefined {
  const found = status.clusters.flatMap(({ members }) => members).find(({ name }) => name === member)
  const pool = found?.pools.find(({ listen }) => listen === listener)
  return pool && `${pool.usable ? 'usable' : 'not usable'}: ${pool.why}`
}
