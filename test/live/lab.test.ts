// The stand itself: it comes up in time, its verbs do what they say, and nothing is left behind, whatever happens to
// the process that made it.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { until } from '../lab/cluster.js'
import { leftRecovery, now } from '../lab/journal.js'
import { startMultihost, startPoller, startReader } from '../lab/observers.js'
import { pidsBeneath } from '../lab/processes.js'
import { createStand, type Stand } from '../lab/stand.js'

t.setTimeout(240_000)

const seconds = (from: number) => Math.round(now() - from) / 1000

function namespacesOf(dir: string): string[] {
  try {
    const token = dir.slice(dir.lastIndexOf('/') + 1)
    const names = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n')
    return names.filter(name => name.startsWith(`${token}-`))
  } catch {
    return []
  }
}

function nothingIsLeft(test: Test, dir: string): void {
  test.strictSame(pidsBeneath(dir), [], 'no process is left')
  test.strictSame(namespacesOf(dir), [], 'no namespace is left')
  test.notOk(existsSync(dir), 'the directory is gone')
}

t.test('a stand comes up, switches over, loses a host, takes it back and goes', async t => {
  const begun = now()
  const stand = await createStand()
  t.teardown(() => stand.down())
  try {
    await stand.up()
    t.comment(`up in ${seconds(begun)} s (${stand.network})`)
    t.ok(seconds(begun) < 60, 'up in time')
    await drills(t, stand)
  } catch (error) {
    t.comment(stand.tails(20))
    throw error
  }
  const leaving = now()
  await stand.down()
  t.comment(`down in ${seconds(leaving)} s`)
  nothingIsLeft(t, stand.dir)
})

async function drills(t: Test, stand: Stand): Promise<void> {
  await t.test('the observers see a planned switchover', t => seeSwitchover(t, stand))
  await t.test('a killed host is gone at once, and comes back when it is started', t => killReplica(t, stand))
  await t.test('a frozen member does not answer until it is thawed', t => freezeReplica(t, stand))
  if (stand.network === 'namespaces') await t.test('a cut link is silent until it is mended', t => cutLink(t, stand))
}

async function seeSwitchover(t: Test, stand: Stand): Promise<void> {
  const poller = await startPoller(stand)
  const multihost = await startMultihost(stand)
  const reader = await startReader(stand, { to: 'pg3' })
  const since = now()
  await stand.switchover('pg2')
  t.equal(await stand.untilLeader({ other: 'pg1' }), 'pg2', 'the candidate leads')
  const promoted = await until(10_000, 'the poller saw no promotion', async () => leftRecovery(poller.entries(), since))
  await until(
    10_000,
    'no row after the switchover',
    async () => multihost.entries().some(entry => entry.e === 'ok' && entry.t > promoted.t) || undefined,
  )
  t.equal(promoted.member, 'pg2', 'the poller saw it leave recovery')
  const { gap, errors } = multihost.summary()
  t.comment(`switchover: libpq multi-host gap ${gap?.ms} ms, errors ${JSON.stringify(errors)}`)
  t.equal(gap?.memberAfter, stand.address('pg2'), 'rows go to the new primary')
  t.ok(gap && gap.ms < 20_000, 'the gap ended')
  t.equal(reader.summary().queryErrors, 0, 'a reader of another member saw nothing')
  await Promise.all([poller, multihost, reader].map(observer => observer.stop()))
  await stand.untilStreaming()
}

/** A replica: a primary's death, with its ttl of waiting, is what `npm run drill -- kill` is for. */
async function killReplica(t: Test, stand: Stand): Promise<void> {
  const reader = await startReader(stand, { to: 'pg3' })
  const begun = now()
  await stand.kill('pg3')
  t.strictSame(stand.pids('pg3'), [], 'all of its processes are gone')
  await until(
    5000,
    'its reader noticed nothing',
    async () => reader.entries().some(({ e }) => e === 'error') || undefined,
  )
  await reader.stop()
  stand.start('pg3')
  await stand.untilStreaming()
  t.comment(`all members stream ${seconds(begun)} s after the kill`)
  const [row] = await stand.sql('pg3', 'select pg_is_in_recovery() as recovery')
  t.equal(row?.recovery, true, 'it is a replica again')
}

async function freezeReplica(t: Test, stand: Stand): Promise<void> {
  stand.freeze('pg3', 'postgres')
  await t.rejects(stand.sql('pg3', 'select 1', { timeoutMs: 500 }), 'frozen: no answer')
  stand.thaw('pg3', 'postgres')
  t.strictSame(await stand.sql('pg3', 'select 1 as one'), [{ one: 1 }], 'thawed: an answer')
}

async function cutLink(t: Test, stand: Stand): Promise<void> {
  await stand.cut('pg3')
  await t.rejects(stand.sql('pg3', 'select 1', { timeoutMs: 500 }), 'cut: no answer')
  await stand.mend('pg3')
  t.strictSame(await stand.sql('pg3', 'select 1 as one'), [{ one: 1 }], 'mended: an answer')
  await stand.cut('pg3', ['client'])
  await t.rejects(stand.sql('pg3', 'select 1', { timeoutMs: 500 }), 'cut from the client: no answer')
  const [primary = ''] = (await stand.status()).filter(({ role }) => role === 'primary').map(({ name }) => name)
  t.ok(primary, 'the others are reached meanwhile')
  await stand.mend('pg3', ['client'])
  t.strictSame(await stand.sql('pg3', 'select 1 as one'), [{ one: 1 }], 'mended: an answer')
}

t.test('two stands at once keep out of each other’s way on loopback addresses', async t => {
  const options = { network: 'loopback', etcd: 1, members: 1, proxies: 1 } as const
  const stands = await Promise.all([createStand(options), createStand(options)])
  t.teardown(() => Promise.all(stands.map(stand => stand.down())))
  await Promise.all(stands.map(stand => stand.up()))
  t.not(stands[0].address('pg1'), stands[1].address('pg1'), 'each has its own block')
  await t.rejects(stands[0].cut('pg1'), { message: /network namespaces/ }, 'there is no link to cut, and it says so')
  await Promise.all(stands.map(stand => stand.down()))
  for (const { dir } of stands) nothingIsLeft(t, dir)
})

const MAKER = `
const { createStand } = await import(process.argv[1])
const stand = await createStand({ etcd: 1, members: 1, proxies: 1 })
await stand.up()
console.log(stand.dir)
setInterval(() => undefined, 1000)`

for (const how of ['SIGINT', 'SIGKILL'] as const) {
  t.test(`nothing is left after ${how}`, async t => {
    const url = new URL('../lab/stand.js', import.meta.url).href
    const maker: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', MAKER, url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => maker.kill('SIGKILL'))
    const dir = await firstLine(maker)
    t.ok(pidsBeneath(dir).length > 3, 'the stand is up')
    maker.kill(how)
    await once(maker, 'exit')
    await until(10_000, 'the reaper did not end its work', async () => !existsSync(dir) || undefined)
    nothingIsLeft(t, dir)
  })
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the child has no pipe for stdout')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('the child ended without a line')
}
