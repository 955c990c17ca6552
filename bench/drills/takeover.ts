// A running mekare is changed under load, a thousand times by reloads and twenty by restarts: what pgbench saw, with a connection
// for each transaction and with sessions that last, and what memory and descriptors were before and after.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { now } from '../../test/lab/journal.js'
import { PASSWORDS } from '../../test/lab/options.js'
import { eventually, type Field } from './field.js'
import { atLeast, atMost, type Figure, median, must, none, noted, worst } from './figure.js'
import { onStand } from './stand-site.js'

/** Sessions that last so long, one pgbench after another, in seconds. */
const LASTING = 15
const CLIENTS = 4
/** How much more memory or less than before is no more than chance. */
const MEMORY_PERCENT = 5

interface Load {
  /** Ends it, and answers what it saw. */
  stop(): Promise<{ transactions: number; failed: number; broken: readonly string[] }>
}

/** pgbench with a connection for each transaction, and beside it one after another whose sessions last. */
function startLoad({ stand, proxy }: Field): Load {
  const [host = '', port = ''] = proxy.write.split(':')
  const script = join(stand.dir, 'client', 'one.sql')
  writeFileSync(script, 'select 1;\n')
  const seen = { transactions: 0, failed: 0, broken: [] as string[] }
  let over = false
  const program = join(stand.programs.postgres, 'pgbench')
  const to = ['-h', host, '-p', port, '-U', 'app', '-n', '-f', script]
  const loop = async (seconds: number, ...how: string[]) => {
    while (!over) {
      const argv = [program, ...to, '-T', String(seconds), ...how, 'app']
      const { code, stdout, stderr } = await stand.clientExec(argv, { PGPASSWORD: PASSWORDS.app })
      seen.transactions += Number(/actually processed: (\d+)/.exec(stdout)?.[1] ?? 0)
      seen.failed += Number(/failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0)
      if (code !== 0) seen.broken.push(stderr.trim().split('\n').at(-1) ?? `exit ${code}`)
    }
  }
  const loops = [
    loop(5, '-C', '-c', String(CLIENTS)),
    loop(LASTING, '-c', String(CLIENTS), '-R', '100'),
    loop(LASTING + 3, '-c', '1', '-R', '20'),
  ]
  return {
    async stop() {
      over = true
      await Promise.all(loops)
      return seen
    },
  }
}

interface Size {
  /** In MiB. */
  readonly memory: number
  readonly descriptors: number
}

/** Resident memory in MiB. */
const residentOf = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024

const descriptorsOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length

/** Resident memory and open descriptors, once they have come to rest. */
async function sizeOf(pid: number): Promise<Size> {
  const samples: number[] = []
  for (let i = 0; i < 20; i++) {
    samples.push(residentOf(pid))
    await sleep(100)
  }
  return { memory: Math.min(...samples), descriptors: descriptorsOf(pid) }
}

async function pidOf({ proxy }: Field): Promise<number> {
  return (JSON.parse((await proxy.get('/status')).body) as { pid: number }).pid
}

async function order({ proxy }: Field, path: string): Promise<string> {
  const { status, body } = await proxy.control('POST', path, 60_000)
  return `${status} ${body}`
}

function compared(before: Size, after: Size, seen: Awaited<ReturnType<Load['stop']>>): Figure[] {
  const change = (after.memory / before.memory - 1) * 100
  return [
    none('connections and sessions that broke', seen.broken.length, seen.broken[0]),
    none('transactions that failed', seen.failed),
    atLeast('transactions', seen.transactions, 1),
    noted('memory before', before.memory, 'MiB'),
    noted('memory after', after.memory, 'MiB'),
    must('memory', change <= MEMORY_PERCENT, `${change.toFixed(1)} %`, `≤ +${MEMORY_PERCENT} %`),
    atMost('descriptors more than before', after.descriptors - before.descriptors, 0, ''),
  ]
}

async function reloads(field: Field, { runs = 1000 }: { runs: number | undefined }): Promise<Figure[]> {
  const { proxy } = field
  const original = readFileSync(proxy.configFile, 'utf8')
  const pid = await pidOf(field)
  const times: number[] = []
  const memory: number[] = []
  const turn = async (i: number) => {
    const config = parse(original)
    config.listen.write.holdFor = `${20 + (i % 20)}s`
    if (i % 2 === 1) config.listen.more = { address: `${proxy.address}:5902`, cluster: 'demo', role: 'any' }
    if (i % 5 === 4) config.clusters.demo.etcd.hosts = config.clusters.demo.etcd.hosts.toReversed()
    writeFileSync(proxy.configFile, stringify(config))
    const begun = now()
    const answer = await order(field, '/reload')
    times.push(now() - begun)
    memory.push(residentOf(pid))
    if (!answer.startsWith('200 ')) throw new Error(answer)
  }
  // Memory is compared as it is while reloads and load go on, over the last half of each thousand: once they have stopped, what is resident
  // hangs on whether V8 has given back emptied pages yet, which it does after 8 s or after minutes. What a process takes once, for its first
  // sessions and reloads, is no growth: so the first thousand are for warming up.
  const round = async () => {
    const load = startLoad(field)
    times.length = 0
    memory.length = 0
    for (let i = 0; i < runs; i++) await turn(i)
    const seen = await load.stop()
    writeFileSync(proxy.configFile, original)
    await order(field, '/reload')
    await sleep(2000)
    return { seen, size: { memory: median(memory.slice(runs / 2)) ?? Number.NaN, descriptors: descriptorsOf(pid) } }
  }
  const { size: before } = await round()
  const { size: after, seen } = await round()
  return [
    noted('reloads', runs),
    noted('a reload, median', median(times), 'ms'),
    noted('a reload, longest', worst(times), 'ms'),
    ...compared(before, after, seen),
  ]
}

async function restarts(field: Field, { runs = 20 }: { runs: number | undefined }): Promise<Figure[]> {
  const settled = async () => {
    const load = startLoad(field)
    await sleep(5000)
    await load.stop()
    return sizeOf(await pidOf(field))
  }
  const before = await settled()
  const load = startLoad(field)
  const times: number[] = []
  for (let i = 0; i < runs; i++) {
    await sleep(1000)
    const begun = now()
    const answer = await order(field, '/restart')
    times.push(now() - begun)
    if (!answer.startsWith('200 ')) throw new Error(answer)
  }
  const seen = await load.stop()
  await eventually(30_000, 'a process before did not end', async () => {
    const { body } = await field.proxy.get('/status')
    return (JSON.parse(body) as { predecessor?: unknown }).predecessor === undefined
  })
  const after = await settled()
  const last = await pidOf(field)
  process.kill(last, 'SIGTERM')
  return [
    noted('restarts', runs),
    noted('a restart, median', median(times), 'ms'),
    noted('a restart, longest', worst(times), 'ms'),
    ...compared(before, after, seen),
  ]
}

export const reload = onStand({
  name: 'reload',
  says: 'a thousand reloads under pgbench -C and lasting sessions',
  run: reloads,
})

export const restart = onStand({
  name: 'restart',
  says: 'twenty restarts under pgbench -C and sessions of 15 s',
  run: restarts,
})
