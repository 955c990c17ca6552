// One process takes another's place, under load; what is held, paused, drained and connected while it does; and what keeps the old
// one where it is. A pause of a listener, as clients see it. On both relay engines.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { startupMessage } from '../../src/protocol/write.js'
import { until } from '../lab/cluster.js'
import { ENGINES, type Engine, each, type Place as Opened, openPlace } from '../lab/engines.js'
import { onStand, SMALL } from '../lab/onstand.js'
import { pgbench } from '../lab/pgbench.js'
import { signal } from '../lab/processes.js'
import { openSession } from '../lab/session.js'
import { PROGRAM } from '../lab/sight.js'
import type { Stand } from '../lab/stand.js'
import { errorFields, openWire } from '../lab/wire.js'

t.setTimeout(300_000)

const startup = startupMessage(new Map([['user', 'app']]))

interface Place extends Opened {
  readonly unix: string
}

t.test('a process gives its place to another', t =>
  onStand(t, { ...SMALL, proxies: 2 }, async stand => {
    const places = await Promise.all(ENGINES.map(engine => open(stand, engine)))
    await each(t, places, 'a paused listener holds who comes, and says so', paused)
    // One after the other: each load is meant for the whole machine.
    for (const place of places)
      await each(t, [place], 'three restarts under load: nobody is refused, nothing breaks', underLoad)
    await each(t, places, 'who waits waits on in the old process; pauses and drains are handed on', handedOn)
    await each(t, places, 'what goes wrong leaves the old one where it is', goesWrong)
    await each(t, places, 'SIGUSR2 and SIGTERM', signals)
    for (const place of places) await each(t, [place], 'the service manager hands sockets over and keeps them', managed)
    for (const { sight } of places) t.equal(sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
  }),
)

async function open(stand: Stand, engine: Engine): Promise<Place> {
  const unix = join(stand.dir, engine.host, '.s.PGSQL.5000')
  const listen = { unix: { address: unix, cluster: 'demo', role: 'primary' } }
  const place = { ...(await openPlace(stand, engine, { config: { listen }, waitReady: false })), unix }
  await place.sight.gateOpens()
  return place
}

/** An order over the control socket: what its verb would print. */
async function order({ proxy }: Place, path: string): Promise<string> {
  const { status, body } = await proxy.control('POST', `/${path}`, 60_000)
  return `${status} ${body}`
}

const held = ({ sight }: Place) => sight.metric('mekare_held_sessions')
const pidOf = async ({ sight }: Place) => (await sight.status()).pid
const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length

async function paused(t: Test, place: Place): Promise<void> {
  const { proxy, sight } = place
  const stays = await openSession(proxy.write)
  const pause = await sight.cli('pause', 'write')
  t.match(
    pause.stdout,
    /^write is paused: everyone new waits 45s at most \(holdFor\) and is then refused; open sessions go on; mekare resume write$/m,
  )
  t.match(await order(place, 'pause?listener=write'), /^200 write is paused already, for /)
  t.match(await order(place, 'pause?listener=other'), /^409 no listener "other"; there are write, read, unix/)
  t.equal(await stays.one(), 1, 'a session goes on')
  const waits = await openWire(proxy.write, startup)
  await until(3000, 'nobody is held', async () => (await held(place)) === 1 || undefined)
  const answer = await proxy.get('/readyz?listener=write')
  t.match(answer, { status: 503, body: /^write: .*listener "write" is paused by an operator for / })
  t.match((await sight.cli('explain', 'write')).stdout, /^write: paused by an operator for \S+: everyone new waits/)
  t.match((await sight.cli('status')).stdout, /write .* no: .*paused by an operator for/)
  t.equal(await sight.metric('mekare_listener_paused', { listen: 'write' }), 1)
  t.ok(await place.sight.ready('unix'), 'the others are not touched')
  t.match(await order(place, 'reload'), /nothing has changed/)
  t.equal(await sight.metric('mekare_listener_paused', { listen: 'write' }), 1, 'a reload leaves it so')
  t.match(await order(place, 'resume?listener=write'), /^200 write takes sessions again; those who waited go in order/)
  t.equal((await waits.bytes(1)).toString('latin1', 0, 1), 'R', 'who waited goes on')
  waits.close()
  await stays.end()
  const config = readFileSync(proxy.configFile, 'utf8')
  const short = parse(config)
  short.listen.write.holdFor = '500ms'
  writeFileSync(proxy.configFile, stringify(short))
  await order(place, 'reload')
  await order(place, 'pause?listener=write')
  const refused = await openWire(proxy.write, startup)
  await refused.ended(3000)
  t.match(errorFields(refused.received()), { C: '57P03', M: /^mekare: listener "write" is paused by an operator for / })
  await order(place, 'resume?listener=write')
  writeFileSync(proxy.configFile, config)
  await order(place, 'reload')
  t.match(sight.lines(/^write: (paused|resumed)/).slice(-2), [
    /^write: paused by an operator/,
    /^write: resumed by an operator after/,
  ])
}

async function underLoad(t: Test, place: Place): Promise<void> {
  const { stand, proxy, sight, unix } = place
  const script = join(stand.dir, 'client', 'one.sql')
  writeFileSync(script, 'select 1;\n')
  const [host = '', port = ''] = proxy.write.split(':')
  const first = await pidOf(place)
  const before = descriptors(first)
  const run = (...how: string[]) => pgbench(t, stand, ['-U', 'cert_app', '-n', '-T', '10', '-f', script, ...how, 'app'])
  const load = Promise.all([
    run('-h', host, '-p', port, '-C', '-c', '3'),
    run('-h', host, '-p', port, '-c', '3', '-R', '200'),
    run('-h', join(unix, '..'), '-p', '5000', '-C', '-c', '1', '-R', '20'),
  ])
  const asked: string[] = []
  const scraping = scrape(place, asked)
  await sleep(1000)
  for (let i = 0; i < 3; i++) {
    const old = await pidOf(place)
    const reply = await proxy.control('POST', '/restart', 60_000)
    t.match(reply, { status: 200, body: new RegExp(`^process \\d+ has taken the place of ${old}, after `) })
    t.not(await pidOf(place), old)
  }
  t.match((await sight.status()).predecessor, { sessions: Number, left: Number }, 'the one before is shown')
  await load
  scraping.stop()
  t.strictSame(asked, [], 'the admin address and the control socket answered all the while')
  const last = await pidOf(place)
  await until(10_000, 'the old processes have not ended', async () => !(await sight.status()).predecessor || undefined)
  await until(5000, 'the first has not ended', async () => !existsSync(`/proc/${first}/exe`) || undefined)
  // What the last sessions had goes with them.
  const after = () => until(5000, 'too many', async () => descriptors(last) <= before + 1 || undefined)
  await t.resolves(after(), `as many descriptors as the first had: ${before}, now ${descriptors(last)}`)
  t.ok(statSync(unix).isSocket(), 'the Unix socket has outlived them')
  t.equal(sight.lines(/has taken over; what is open here \(\d+ sessions?\) has 30s to end/).length, 3)
}

/** Asks both, again and again; what is no answer is noted. */
function scrape({ proxy }: Place, failures: string[]): { stop(): void } {
  let over = false
  const loop = async (name: string, get: () => Promise<{ status: number; body: string }>) => {
    while (!over) {
      const { status, body } = await get().catch((error: Error) => ({ status: 0, body: error.message }))
      if (status !== 200) failures.push(`${name}: ${status} ${body}`)
      await sleep(20)
    }
  }
  void loop('readyz', () => proxy.get('/readyz?listener=write'))
  void loop('control', () => proxy.control('GET', '/status'))
  return {
    stop() {
      over = true
    },
  }
}

async function handedOn(t: Test, place: Place): Promise<void> {
  const { proxy, sight } = place
  await order(place, 'pause?listener=unix')
  await order(place, 'drain?member=pg1')
  const stays = await openSession(proxy.write)
  await order(place, 'pause?listener=write')
  const waits = await openWire(proxy.write, startup)
  await until(3000, 'nobody is held', async () => (await held(place)) === 1 || undefined)
  const { stdout, code, stderr } = await sight.cli('restart')
  t.equal(code, 0, stderr)
  t.match(stdout, /^process \d+ has taken the place of \d+, after /)
  const status = await sight.status()
  t.equal(status.listeners.find(({ name }) => name === 'unix')?.why.includes('paused by an operator'), true)
  t.equal(status.clusters[0]?.members[0]?.drained, true)
  t.equal(await sight.metric('mekare_held_sessions'), 0, 'who waits is the old one’s')
  t.equal(status.predecessor?.sessions, 2)
  t.equal(await stays.one(), 1)
  await stays.end()
  waits.close()
  await until(5000, 'the old process has not ended', async () => !(await sight.status()).predecessor || undefined)
  for (const listen of ['unix', 'write']) await order(place, `resume?listener=${listen}`)
  await order(place, 'undrain?member=pg1')
}

async function goesWrong(t: Test, place: Place): Promise<void> {
  const { proxy, sight } = place
  const pid = await pidOf(place)
  const good = readFileSync(proxy.configFile, 'utf8')
  const wrong = parse(good)
  wrong.listen.write.holdfor = '5s'
  writeFileSync(proxy.configFile, stringify(wrong))
  const broken = await sight.cli('restart')
  t.equal(broken.code, 78)
  t.match(
    broken.stderr,
    /^nothing is changed, this process \(\d+\) goes on:\nlisten\.write\.holdfor: is an unknown key/,
  )
  const other = createServer()
  const [host = ''] = proxy.write.split(':')
  await new Promise<void>(resolve => other.listen(0, host, resolve))
  t.teardown(() => other.close())
  const taken = parse(good)
  taken.listen.more = { address: `${host}:${(other.address() as AddressInfo).port}`, cluster: 'demo', role: 'any' }
  writeFileSync(proxy.configFile, stringify(taken))
  const port = await sight.cli('restart')
  t.equal(port.code, 78)
  t.match(port.stderr, /listen\.more\.address: \S+ is taken \(EADDRINUSE\)/)
  writeFileSync(proxy.configFile, good)
  const [one, two] = await Promise.all([order(place, 'restart'), sleep(300).then(() => order(place, 'restart'))])
  t.match(one, /^200 process/)
  t.match(two, /a restart is under way, for |another process has taken over/)
  t.not(await pidOf(place), pid)
  t.ok(await place.sight.ready('write'))
  const fine = await openSession(proxy.write)
  t.equal(await fine.one(), 1)
  await fine.end()
}

const MANAGER = fileURLToPath(new URL('../../../test/lab/manager.py', import.meta.url))

async function managed(t: Test, place: Place): Promise<void> {
  const { stand, host, env, proxy } = place
  const notify = join(stand.dir, host, 'manager.sock')
  const run = [process.execPath, PROGRAM, 'run', '--config', proxy.configFile]
  const argv = [
    stand.programs.python,
    MANAGER,
    notify,
    `write=${proxy.write}`,
    `strange=${proxy.address}:5907`,
    '--',
    ...run,
  ]
  const manager = stand.spawn(host, 'manager', argv, { env })
  const log = join(stand.dir, host, 'manager.log')
  const told = () => readFileSync(log, 'utf8').split('\n')
  const early = await until(5000, 'the manager does not listen', async () =>
    openWire(proxy.write, startup).catch(() => undefined),
  )
  t.equal(
    (await early.bytes(1, 15_000)).toString('latin1', 0, 1),
    'R',
    'who came before the program was there is served',
  )
  early.close()
  t.ok(
    told().some(line => line.includes('the socket \\"strange\\" was handed over and is closed')),
    'a socket for nobody is told',
  )
  const stored = () => told().filter(line => line.startsWith("'FDSTORE=1"))
  await until(5000, 'no socket is stored', async () => stored().length >= 3 || undefined)
  t.match(
    stored().sort(),
    [/FDNAME=admin/, /FDNAME=listen\.read/, /FDNAME=listen\.write/],
    'every TCP socket is stored',
  )
  const refused: string[] = []
  let over = false
  const knocking = (async () => {
    while (!over) {
      for (const address of [proxy.write, proxy.read, proxy.admin])
        await openWire(address).then(
          wire => wire.close(),
          (error: Error) => refused.push(`${address}: ${error.message}`),
        )
      await sleep(10)
    }
  })()
  const first = await pidOf(place)
  manager.kill('SIGUSR1')
  await until(20_000, 'it was not restarted', async () => {
    const pid = await pidOf(place).catch(() => first)
    return (pid !== first && told().includes('restarting')) || undefined
  })
  const second = await pidOf(place)
  t.match(await order(place, 'restart'), /^200 process/)
  await until(5000, 'the new one is not told to be ready', async () => {
    const pid = await pidOf(place)
    return (pid !== second && told().includes(`'READY=1\\nMAINPID=${pid}'`)) || undefined
  })
  over = true
  await knocking
  t.strictSame(refused, [], 'through a restart of the manager’s and one of our own nobody was refused')
  const pid = await pidOf(place)
  const lines = told()
  t.ok(
    lines.indexOf(`'MAINPID=${pid}'`) < lines.indexOf(`'READY=1\\nMAINPID=${pid}'`),
    'the old one names the new one before it speaks',
  )
  await order(place, 'reload')
  await until(
    5000,
    'no reload was told',
    async () => told().some(line => /^'RELOADING=1\\nMONOTONIC_USEC=\d+'$/.test(line)) || undefined,
  )
  signal(pid, 'SIGTERM')
  await until(10_000, 'it did not end', async () => !existsSync(`/proc/${pid}/exe`) || undefined)
}

async function signals(t: Test, place: Place): Promise<void> {
  const { proxy, unix } = place
  const pid = await pidOf(place)
  signal(pid, 'SIGUSR2')
  const next = await until(15_000, 'nobody took its place', async () => {
    const now = await pidOf(place).catch(() => pid)
    return now === pid ? undefined : now
  })
  await until(10_000, 'the old process has not ended', async () => !existsSync(`/proc/${pid}/exe`) || undefined)
  t.ok(existsSync(unix) && existsSync(proxy.socket), 'the sockets’ files are there')
  signal(next, 'SIGTERM')
  await until(10_000, 'it did not end', async () => !existsSync(`/proc/${next}/exe`) || undefined)
  t.notOk(existsSync(unix) || existsSync(proxy.socket), 'a clean end takes the sockets’ files away')
}
