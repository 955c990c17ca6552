// Two namespaces joined by one wire, and programs of ours inside them; `ip` makes them and is the independent witness.

import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { News } from '../../../src/linux/network-watch.js'
import { type Insider, startInside } from '../../lab/insider.js'

export const [A, B] = [`mkl${process.pid}a`, `mkl${process.pid}b`]
export const GROUP = { 4: '224.0.0.18', 6: 'ff02::12' } as const
export const ip = (...args: string[]) =>
  execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
export const holds = (address: string) => ip('-n', A, 'addr', 'show', 'dev', 'eth0').includes(` ${address}/`)
export const macOf = (host: string) => /link\/ether (\S+)/.exec(ip('-n', host, 'link', 'show', 'eth0'))?.[1] ?? ''

export const children = new Set<ChildProcess>()

export function start(command: readonly string[]): Insider {
  const insider = startInside(command)
  children.add(insider.child)
  return insider
}

export const inside = (host: string, ...before: string[]) => start(['ip', 'netns', 'exec', host, ...before])

export async function until(what: string, seconds: number, holds: () => boolean): Promise<number> {
  const begun = performance.now()
  while (!holds()) {
    if (performance.now() - begun > seconds * 1000) throw new Error(`waited ${seconds} s in vain: ${what}`)
    await sleep(20)
  }
  return Math.round(performance.now() - begun)
}
export const news = (host: Insider, wanted: (one: News) => boolean) =>
  host.told.some(one => 'news' in one && wanted(one.news))
export const addressNews = (host: Insider, address: string, gone: boolean) =>
  news(host, one => one.kind === 'address' && one.address.address === address && one.gone === gone)

export function makeWire(): void {
  ip('netns', 'add', A)
  ip('netns', 'add', B)
  ip('-n', A, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', B)
  for (const [host, last] of [
    [A, '1'],
    [B, '2'],
  ] as const) {
    ip('-n', host, 'link', 'set', 'eth0', 'addrgenmode', 'none')
    ip('-n', host, 'addr', 'add', `10.78.0.${last}/24`, 'dev', 'eth0')
    ip('-n', host, 'addr', 'add', `fe80::${last}/64`, 'dev', 'eth0', 'nodad')
    ip('-n', host, 'addr', 'add', `fd78::${last}/64`, 'dev', 'eth0', 'nodad')
    ip('-n', host, 'link', 'set', 'eth0', 'up')
  }
}

export async function clearAway(): Promise<void> {
  for (const child of children) {
    const gone = child.exitCode !== null || child.signalCode !== null || once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  for (const host of [A, B]) {
    try {
      ip('netns', 'del', host)
    } catch {
      // It was never made.
    }
  }
}
