// `npm run demo`: a real cluster with one mekare before it, a writer and a reader, a planned switchover, and what the two saw,
// told by themselves. Stays until Ctrl-C; with `--exit` ends by itself, 0 when all went well. `--network namespaces`: as root.

import { basename, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { until } from './cluster.js'
import { followJournal, now, type Summary } from './journal.js'
import { type Journaled, startReader, startWriter } from './observers.js'
import { PASSWORDS } from './options.js'
import type { ProxyProcess } from './proxy.js'
import { createScreen, summaryTable } from './screen.js'
import { createStand, type Stand } from './stand.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const screen = createScreen(process.stdout)
const argv = process.argv.slice(2)

interface Scene {
  readonly stand: Stand
  readonly proxy: ProxyProcess
  readonly writer: Journaled
  readonly reader: Journaled
  /** One line of what the clients see now. */
  live(): string
}

const nameOf = (stand: Stand) => (address: string) =>
  stand.members.find(member => stand.address(member) === address) ?? address

async function raise(stand: Stand): Promise<Scene> {
  await stand.up()
  screen.step('mekare: one process before the cluster')
  const proxy = await stand.proxy('proxy1')
  screen.step(`a writer on ${proxy.write}, a reader on ${proxy.read}`)
  const clients = await startClients(stand, proxy, 10)
  screen.done()
  return { stand, proxy, ...clients }
}

async function startClients(stand: Stand, proxy: ProxyProcess, everyMs: number) {
  const writer = await startWriter(stand, { to: proxy.write, everyMs, name: `write-${everyMs}ms` })
  const reader = await startReader(stand, { to: proxy.read, everyMs, name: `read-${everyMs}ms` })
  const [writes, reads] = [keepCount('writes', writer, nameOf(stand)), keepCount('reads', reader, nameOf(stand))]
  return { writer, reader, live: () => `    ${writes()}  ${screen.dim('│')}  ${reads()}` }
}

/** Keeps count of what a client sees, without reading its journal anew each time. */
function keepCount(what: string, observer: Journaled, name: (address: string) => string): () => string {
  const news = followJournal(observer.journal)
  let [answers, errors, lastAt, member] = [0, 0, 0, '']
  return () => {
    for (const entry of news()) {
      if (entry.e === 'error') errors++
      if (entry.e !== 'ok') continue
      answers++
      lastAt = entry.t
      member = name(entry.member)
    }
    const silent = now() - lastAt
    const state = silent > 400 ? screen.bold(`waiting ${(silent / 1000).toFixed(1)} s`) : `${member} answers`
    return `${what} ${answers.toLocaleString('en-US')}, ${errors} ${errors === 1 ? 'error' : 'errors'}, ${state}`
  }
}

async function watchFor(scene: Scene, ms: number): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(100)) screen.live(scene.live())
}

async function switchover(scene: Scene): Promise<{ from: string; to: string }> {
  const { stand } = scene
  await watchFor(scene, 2000)
  const from = (await stand.leader()) ?? ''
  screen.live('')
  screen.line(`  ${screen.bold('planned switchover')}: Patroni is asked to move the primary away from ${from}`)
  const since = now()
  const moved = stand.switchover().then(() => stand.untilLeader({ other: from }))
  const followed = moved.then(to =>
    until(30_000, `no row reached ${to}`, async () => {
      const row = scene.writer.entries().some(e => e.e === 'ok' && e.t > since && e.member === stand.address(to))
      return row ? to : undefined
    }),
  )
  let ended = false
  const end = followed.finally(() => {
    ended = true
  })
  end.catch(() => undefined)
  while (!ended) await watchFor(scene, 200)
  const to = await end
  await watchFor(scene, 2000)
  screen.live('')
  return { from, to }
}

/** What is wrong with what a client saw; nothing when all went well. */
function complaints(who: string, summary: Summary, longestGapMs: number): string[] {
  const gap = summary.gap?.ms ?? Number.POSITIVE_INFINITY
  return [
    ...(summary.mostErrorsOfOneSession > 1 ? [`${who}: more than one error: ${JSON.stringify(summary.errors)}`] : []),
    ...(summary.connectFailures > 0 ? [`${who}: ${summary.connectFailures} failed connects`] : []),
    ...(summary.readOnlyErrors > 0 ? [`${who}: ${summary.readOnlyErrors} "read-only transaction" errors`] : []),
    ...(gap > longestGapMs ? [`${who}: a gap of ${Math.round(gap)} ms, over ${longestGapMs} ms`] : []),
  ]
}

function report({ stand, writer, reader }: Scene, moved: { from: string; to: string }): string[] {
  const seen = { writer: writer.summary(), reader: reader.summary() }
  screen.line(`  ${screen.good('✓')} the primary moved from ${moved.from} to ${moved.to}; what the two clients saw:`)
  screen.line()
  for (const row of summaryTable(seen, nameOf(stand))) screen.line(row)
  screen.line(
    `  ${screen.dim('the gap is the time in which there is no primary: clients are held through it, not refused')}`,
  )
  screen.line()
  const wrong = [...complaints('writer', seen.writer, 10_000), ...complaints('reader', seen.reader, 5000)]
  for (const each of wrong) screen.line(`  ${screen.bad('✗')} ${each}`)
  return wrong
}

/** What a newcomer can try, ready to be pasted into another terminal. */
function suggest({ stand, proxy }: Scene, leader: string): void {
  const inside = stand.network === 'namespaces' ? `sudo ip netns exec ${basename(stand.dir)}-client ` : ''
  const url = (address: string) => `postgresql://app:${PASSWORDS.app}@${address}/app`
  const mekare = `node ${relative(process.cwd(), `${root}bin/mekare.js`)}`
  const rest = `http://${stand.address(leader)}:${stand.ports.patroni}/switchover`
  const lines = [
    ['write port', `${inside}psql '${url(proxy.write)}'`],
    ['read port', `${inside}psql '${url(proxy.read)}'`],
    ['who answers', 'select inet_server_addr(), pg_is_in_recovery();'],
    ['another switchover', `${inside}curl -s ${rest} -d '{"leader":"${leader}"}'`],
    ['what mekare says', `${mekare} status --socket ${proxy.socket}`],
    ['its log', `${proxy.socket.replace('control.sock', 'mekare.log')}`],
  ]
  screen.line(`  ${screen.bold('try it')} in another terminal:`)
  for (const [what = '', line = ''] of lines) screen.line(`    ${screen.dim(what.padEnd(19))} ${line}`)
  screen.line()
  screen.line(`  ${screen.bold('Ctrl-C')} ends it and clears everything away.`)
  screen.line()
}

/** Slower clients go on until Ctrl-C: their journals stay small. */
async function stay({ stand, proxy, writer, reader }: Scene): Promise<never> {
  await Promise.all([writer.stop(), reader.stop()])
  const scene = { stand, proxy, ...(await startClients(stand, proxy, 200)) }
  for (;;) await watchFor(scene, 60_000)
}

async function play(stand: Stand): Promise<number> {
  const scene = await raise(stand)
  const moved = await switchover(scene)
  const wrong = report(scene, moved)
  if (argv.includes('--exit')) return wrong.length === 0 ? 0 : 1
  suggest(scene, moved.to)
  return stay(scene)
}

async function main(): Promise<number> {
  const network = argv.includes('namespaces') ? 'namespaces' : 'loopback'
  screen.line(screen.bold('mekare demo') + screen.dim(': three etcd, three PostgreSQL with Patroni, one mekare'))
  const stand = await createStand({ network, proxies: 1, endOnSignal: false, report: screen.step })
  let leaving = false
  const leave = async (code: number) => {
    if (leaving) return
    leaving = true
    screen.live('')
    await stand.down()
    screen.line('  all servers are stopped and their files removed')
    process.exit(code)
  }
  process.on('SIGINT', () => void leave(0))
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void leave(143))
  try {
    await leave(await play(stand))
  } catch (error) {
    if (leaving) return new Promise<never>(() => undefined)
    screen.line(`  ${screen.bad('✗')} ${(error as Error).message}`)
    screen.line(stand.tails(10))
    await leave(1)
  }
  return 1
}

process.exitCode = await main()
