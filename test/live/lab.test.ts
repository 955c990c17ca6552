// The stand itself: it comes up in time, its verbs do what they say, and nothing is left behind, whatever happens to
// the process that made it.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { until } from '../lab/cluster.js'
import { now } from '../lab/journal.js'
import { pidsBeneath } from '../lab/processes.js'
import { see } from '../lab/sight.js'
import { createStand, type Stand } from '../lab/stand.js'

t.setTimeout(300_000)

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

t.test('a stand comes up, its hosts fail as they are told to and come back, and it goes', async t => {
  const begun = now()
  const stand = await createStand({ etcd: 1, members: 3 })
  t.teardown(() => stand.down())
  try {
    await stand.up()
    t.comment(`up in ${seconds(begun)} s (${stand.network})`)
    t.ok(seconds(begun) < 60, 'up in time')
    await t.test('a frozen member does not answer until it is thawed', t => freezeReplica(t, stand))
    if (stand.network === 'namespaces') {
      await t.test('a cut link is silent until it is mended', t => cutLink(t, stand))
      await t.test('a proxy host has its sidecar, and each part of it fails by itself', t => failSidecar(t, stand))
    }
  } catch (error) {
    t.comment(stand.tails(20))
    throw error
  }
  const leaving = now()
  await stand.down()
  t.comment(`down in ${seconds(leaving)} s`)
  nothingIsLeft(t, stand.dir)
})

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

async function failSidecar(t: Test, stand: Stand): Promise<void> {
  const quick = { sidecar: true, config: { vrrp: { pg: { advertInterval: '100ms' } } } }
  const [first, second] = [await stand.proxy('proxy1', quick), await stand.proxy('proxy2', quick)]
  const held = (by: string) =>
    until(8000, `not ${by} alone has the address`, async () => (await stand.holders()).join() === by || undefined)
  await held('proxy1')
  const write = `${stand.floating}:${stand.ports.write}`
  t.match(await stand.sql(write, 'select 1 as one', { as: 'app' }), [{ one: 1 }], 'clients are served at the address')
  stand.freeze('proxy1', 'vrrp')
  await held('proxy2')
  stand.thaw('proxy1', 'vrrp')
  await held('proxy1')
  await stand.kill('proxy1', 'mekare')
  await held('proxy2')
  t.match(see(stand, first).lines(/the proxy has ended/, 'vrrp'), [/master → fault/], 'the sidecar said why')
  const { pid } = stand.child('proxy1', 'vrrp') ?? {}
  stand.start('proxy1')
  await first.ready()
  t.equal(stand.child('proxy1', 'vrrp')?.pid, pid, 'only what did not run is started')
  await held('proxy1')
  await stand.powerOff('proxy1')
  t.strictSame(stand.pids('proxy1'), [], 'without power nothing runs')
  await held('proxy2')
  await stand.powerOn('proxy1')
  await held('proxy1')
  t.equal(await stand.stop('proxy1', 'vrrp'), undefined)
  t.equal(await second.stop(), 0)
  t.strictSame(await stand.holders(), [], 'nobody holds it when the sidecar is stopped here, the proxy there')
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
