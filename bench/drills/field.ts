// What a drill works with: a stand, a mekare before it, and the independent observers. Starts and ends them; judges nothing.

import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Entry, now, readJournal, sumUp } from '../../test/lab/journal.js'
import {
  type ClientOptions,
  type Observer,
  startMultihost,
  startPoller,
  startWriter,
} from '../../test/lab/observers.js'
import { PASSWORDS } from '../../test/lab/options.js'
import type { ProxyOptions, ProxyProcess } from '../../test/lab/proxy.js'
import type { Stand } from '../../test/lab/stand.js'
import { type Change, firstPromotion, readChange } from './change.js'
import type { NewcomersTask } from './newcomers.js'

/** A stand and who watches it: all it takes to see what a leader change was like, whatever leads clients to its members. */
export interface Watched {
  readonly stand: Stand
  readonly poller: Observer
  readonly multihost: Observer
}

export interface Field extends Watched {
  readonly proxy: ProxyProcess
  /** Has it ended with the drill. */
  keep(observer: Observer): Observer
  /** Answers when each of its sessions has had an answer. */
  writer(options?: Partial<ClientOptions>): Promise<Observer>
  newcomers(kind: 'write' | 'read', everyMs?: number): Promise<Observer>
  say(line: string): void
  end(): Promise<void>
}

/** Clears the journals of the drill before, waits until every member streams and may lead, then starts a mekare and the observers. */
export async function openField(stand: Stand, options: ProxyOptions, say: (line: string) => void): Promise<Field> {
  clearJournals(stand)
  await stand.untilStreaming()
  // Patroni names a synchronous standby in the primary's next turn, and refuses a switchover before.
  if (stand.settings.synchronousMode)
    await eventually(30_000, 'no synchronous standby was named', async () => (await syncStandby(stand)) !== undefined)
  const proxy = await stand.proxy('proxy1', options)
  const observers: Observer[] = []
  const keep = (observer: Observer) => {
    observers.push(observer)
    return observer
  }
  const poller = keep(await startPoller(stand))
  const multihost = keep(await startMultihost(stand))
  return {
    ...{ stand, proxy, poller, multihost, keep, say },
    writer: async more => {
      const writer = keep(await startWriter(stand, { to: proxy.write, ...more }))
      const answered = () => new Set(writer.entries().flatMap(entry => (entry.e === 'ok' ? [entry.s] : []))).size
      const all = more?.sessions ?? 1
      await eventually(30_000, 'not every session of the writer had an answer', async () => answered() === all)
      return writer
    },
    newcomers: async (kind, everyMs = 100) => keep(await startNewcomers(stand, proxy, kind, everyMs)),
    end: async () => {
      await Promise.all(observers.map(observer => observer.stop()))
      await proxy.stop()
    },
  }
}

/** Journals are read whole, again and again: those of what is over are taken away. */
export function clearJournals(stand: Stand): void {
  const client = join(stand.dir, 'client')
  for (const file of readdirSync(client)) if (file.endsWith('.jsonl')) rmSync(join(client, file))
}

async function syncStandby(stand: Stand): Promise<string | undefined> {
  const sync = JSON.parse((await stand.key('sync')) || '{}') as { sync_standby?: string | null }
  return sync.sync_standby || undefined
}

async function startNewcomers(
  stand: Stand,
  proxy: ProxyProcess,
  kind: 'write' | 'read',
  everyMs: number,
): Promise<Observer> {
  const name = `newcomers-${kind}`
  const journal = join(stand.dir, 'client', `${name}.jsonl`)
  const [host = '', port] = (kind === 'write' ? proxy.write : proxy.read).split(':')
  const to = { host, port: Number(port), user: 'app', password: PASSWORDS.app, database: 'app' }
  const task: NewcomersTask = { journal, kind, to, everyMs }
  const program = fileURLToPath(new URL('newcomers.js', import.meta.url))
  const child = stand.spawn('client', name, [process.execPath, program], {
    env: { MEKARE_LAB_TASK: JSON.stringify(task) },
  })
  const entries = () => readJournal(journal)
  await eventually(15_000, `the observer ${name} saw nothing`, async () => entries().some(({ e }) => e === 'ok'))
  return {
    entries,
    summary: (since, until) => sumUp(entries(), since, until),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      return entries()
    },
  }
}

/**
 * Asks every half second until it is so: reading whole journals more often would itself cost what is measured. An error counts
 * as "not yet".
 */
export async function eventually(withinMs: number, failure: string, so: () => Promise<boolean>): Promise<void> {
  const end = now() + withinMs
  while (!(await so().catch(() => false))) {
    if (now() > end) throw new Error(`${failure} within ${withinMs / 1000} seconds`)
    await sleep(500)
  }
}

export interface ChangeOptions {
  /** Member that was primary; undefined where the same one may be promoted again. */
  readonly old: string | undefined
  readonly since: number
  readonly withinMs?: number
  /** Do not wait for the multi-host client: libpq waits for ever for a host that has gone silent. */
  readonly alone?: boolean
}

/** Waits until a promotion was seen and every session of the writer had a row after it (or time is up), and reads the journals. */
export async function changeSeen(field: Watched, writer: Observer, options: ChangeOptions): Promise<Change> {
  const { old, since, withinMs = 30_000, alone = false } = options
  const read = () =>
    readChange(
      { writer: writer.entries(), poller: field.poller.entries(), multihost: field.multihost.entries() },
      since,
      now(),
      old,
    )
  await eventually(withinMs, '', async () => rowsAfter(read(), alone ? undefined : field.multihost.entries())).catch(
    () => undefined,
  )
  await sleep(1000)
  return read()
}

function rowsAfter(change: Change, multihost: readonly Entry[] | undefined): boolean {
  const { promotedAt, lastTail } = change
  if (promotedAt === undefined || lastTail === undefined) return false
  return !multihost || multihost.some(entry => entry.e === 'ok' && entry.t > promotedAt)
}

/**
 * Asks the leader's Patroni for a switchover, without asking etcd for anything: it may be out of order. Where Patroni cannot
 * write its failover key, because etcd elects a leader just then, nothing has begun and it is asked again.
 */
export async function switchover({ stand }: Pick<Watched, 'stand'>, from: string): Promise<void> {
  for (const end = now() + 30_000; ; await sleep(100)) {
    const answer = await stand.rest(from, '/switchover', 'POST', { leader: from }, 60_000)
    if (answer.status === 200) return
    const unwritten = answer.status === 503 && answer.body.includes('failed to write')
    if (!unwritten || now() > end) throw new Error(`switchover from ${from}: ${answer.status} ${answer.body}`)
  }
}

/** Name of the primary. */
export async function primaryOf(stand: Stand): Promise<string> {
  return (await stand.leader()) ?? (await stand.untilLeader())
}

/** Waits until the poller has seen a member other than `old` out of recovery. */
export async function promotionSeen(field: Watched, since: number, old: string | undefined, withinMs: number) {
  await eventually(withinMs, 'no member was promoted', async () => {
    return firstPromotion(field.poller.entries(), since, old) !== undefined
  })
}

/** What every mekare of a host logged so far, without the lines of single sessions. */
export function logged(stand: Stand, host = 'proxy1'): string[] {
  try {
    const lines = readFileSync(join(stand.dir, host, 'mekare.log'), 'utf8')
      .trimEnd()
      .split('\n')
    return lines.filter(line => !/"session_(ended|joined|held|closed)"/.test(line))
  } catch {
    return []
  }
}
