// What an operator orders of a cluster that is at work: a switchover, shown phase by phase, that costs what it says; the way from a
// client to pg_stat_activity and back; a session cut. What cannot be is refused with the reason, and nothing has changed.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type Field, openField } from '../../bench/drills/field.js'
import { pickSessions } from '../../src/cli/pick-sessions.js'
import type { Incident } from '../../src/incidents/incident.js'
import { gapsOf, phasesOf } from '../../src/incidents/phases.js'
import type { SessionStatus } from '../../src/pools/status.js'
import { until } from '../lab/cluster.js'
import { now, sumUp } from '../lab/journal.js'
import { PASSWORDS } from '../lab/options.js'
import { PROGRAM, type Sight, see } from '../lab/sight.js'
import { createStand } from '../lab/stand.js'

t.setTimeout(300_000)

const TERMINAL = fileURLToPath(new URL('../../../test/lab/terminal.py', import.meta.url))

/** How far what the router saw and what a client saw may be apart, in ms: the way of an answer between the two. */
const SLACK_MS = 20

t.test('orders of an operator', async t => {
  const stand = await createStand({ network: 'loopback', etcd: 1, proxies: 1, loopWait: 2 })
  t.teardown(() => stand.down())
  await stand.up()
  const told = join(stand.dir, 'proxy1', 'told.jsonl')
  const hooks = { tell: { on: ['leader'], command: ['/usr/bin/tee', '-a', told] } }
  const field = await openField(stand, { config: { hooks } }, line => t.comment(line))
  const sight = see(stand, field.proxy)
  try {
    for (const replica of ['pg2', 'pg3']) await sight.verdict('read', replica, /^usable/)
    await t.test('a session is found from both of its ends, and cut', t => sessions(t, field, sight))
    await t.test('a switchover that cannot be is refused, with the reason', t => refusals(t, field, sight))
    await t.test('on a terminal it asks, and whatever is no yes changes nothing', t => declined(t, field, sight))
    await t.test('a switchover under load shows what clients paid', t => switchover(t, field, sight))
    await t.test('a hook was told of each, once', t => hooked(t, told))
    await t.test('the sessions of a leader that is killed count as lost with it', t => killed(t, field, sight))
    t.equal(sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
  } catch (error) {
    t.comment(stand.tails(25, 'proxy1'))
    throw error
  } finally {
    await field.end()
  }
})

async function sessions(t: Test, field: Field, sight: Sight): Promise<void> {
  const { proxy, stand } = field
  const [host, port] = proxy.write.split(':')
  const client = new pg.Client({ host, port: Number(port), user: 'app', password: PASSWORDS.app, database: 'app' })
  const ended = new Promise(resolve => client.on('error', resolve))
  await client.connect()
  const { rows } = await client.query('select inet_client_port() as port, pg_backend_pid() as pid')
  const found = JSON.parse((await sight.cli('sessions', '--json', '--backend', String(rows[0].port))).stdout)
  const [mine, ...more] = found as SessionStatus[]
  t.same(more, [], 'pg_stat_activity leads to one client')
  t.match(mine, { listen: 'write', member: 'pg1', backend: `${stand.address('pg1')}:${stand.ports.postgres}` })
  const all = JSON.parse((await field.proxy.control('GET', '/sessions')).body) as SessionStatus[]
  const back = pickSessions(all, { client: mine?.client ?? '' }).map(one => one.backendClient)
  t.same(back, [mine?.backendClient], 'and back')
  const cut = await sight.cli('sessions', '--cut', String(mine?.id))
  t.match(cut, { code: 0, stdout: `session ${mine?.id} is cut\n` })
  await ended
  const gone = await until(3000, 'its backend lives on', async () => {
    const text = 'select count(*) from pg_stat_activity where pid = $1'
    const [row] = await stand.sql('pg1', text, { values: [rows[0].pid] })
    return row?.count === '0' || undefined
  })
  t.ok(gone, 'client and backend are gone')
  for (const id of [String(mine?.id), '999999'])
    t.match(await field.proxy.control('POST', `/cut?session=${id}`), {
      status: 409,
      body: /^no session \d+ is open; mekare sessions/,
    })
  t.match(await field.proxy.control('POST', '/cut?session=all'), { status: 400, body: /which session\?/ })
}

async function refusals(t: Test, field: Field, sight: Sight): Promise<void> {
  const { stand } = field
  const refused = async (body: RegExp, query: string) =>
    t.match(await field.proxy.control('POST', `/switchover?${query}`), { status: 409, body })
  t.match(await sight.cli('switchover', '--to', 'pg9', '--yes'), {
    code: 1,
    stdout: '',
    stderr: 'demo: no member is named pg9; there are, beside pg1: pg2, pg3\n',
  })
  t.match(await sight.cli('switchover'), { code: 2, stderr: 'there is no terminal to ask on: say --yes\n' })
  await refused(/^demo: pg1 is the leader already$/m, 'to=pg1')
  await refused(/^demo: pg1 leads by now, not pg3$/m, 'from=pg3&to=pg2')
  await refused(/^no cluster is named other; there are: demo$/m, 'cluster=other')
  await field.proxy.control('POST', '/drain?member=pg2')
  await refused(/^demo: pg2 cannot take over: it is drained \(mekare undrain pg2\)$/m, 'to=pg2')
  const last = await field.proxy.control('POST', '/drain?member=pg3')
  t.match(last.body, /^nobody is left for read: who comes waits 5s and is then refused, as long as pg3 is drained$/m)
  await refused(/^demo: nobody could take over: pg2: it is drained .*; pg3: it is drained/m, '')
  for (const name of ['pg2', 'pg3']) await field.proxy.control('POST', `/undrain?member=${name}`)
  stand.freeze('pg3')
  await until(10_000, 'pg3 was not missed', async () => {
    const members = (await sight.status()).clusters[0]?.members ?? []
    return members.some(({ name, healthy }) => name === 'pg3' && !healthy) || undefined
  })
  await refused(/^demo: pg3 cannot take over: it does not answer: /m, 'to=pg3')
  stand.thaw('pg3')
  await sight.verdict('read', 'pg3', /^usable/)
  t.equal(await stand.leader(), 'pg1', 'nothing has changed')
}

/** `mekare switchover` on a terminal, its question answered with these keys: what was shown, without what only moves the cursor. */
async function onTerminal({ stand, proxy }: Field, keys: string, to: string) {
  const argv = [process.execPath, PROGRAM, 'switchover', '--to', to, '--socket', proxy.socket]
  const { code, stdout, stderr } = await stand.clientExec([stand.programs.python, TERMINAL, keys, ...argv])
  const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, 'g')
  return { code, stdout: stdout.replace(escapes, '').replaceAll('\r\n', '\n'), stderr }
}

async function declined(t: Test, field: Field, sight: Sight): Promise<void> {
  const asked = async ([what, keys]: readonly [string, string]) => {
    const { code, stdout } = await onTerminal(field, keys, 'pg2')
    t.equal(code, 1, `${what}: exit code 1`)
    t.match(stdout, /^demo: pg1 → pg2 .*^switch over\? \[y\/N\] .*nothing is done\n$/ms, `${what} is a no`)
  }
  const noes = { n: 'n\\r', 'Ctrl-C': '\\x03' }
  await Promise.all(Object.entries(noes).map(asked))
  t.equal(await field.stand.leader(), 'pg1', 'the leader stays')
  t.same(sight.lines(/an operator has Patroni switch over/), [], 'and nobody was asked')
}

/** Three times, and the median counts: on a busy machine a client may hear of an answer late. */
async function switchover(t: Test, field: Field, sight: Sight): Promise<void> {
  const { stand } = field
  const writer = await field.writer({ sessions: 2, everyMs: 2 })
  const apart: number[] = []
  for (const [from, to] of [
    ['pg1', 'pg2'],
    ['pg2', 'pg1'],
    ['pg1', 'pg2'],
  ] as const) {
    await sight.verdict('read', to, /^usable/)
    await stand.untilStreaming()
    const since = now() - 100
    const asks = from === 'pg2'
    const order = asks ? onTerminal(field, 'y\\r', to) : sight.cli('switchover', '--to', to, '--yes')
    const { code, stdout, stderr } = await order
    t.equal(code, 0, stderr)
    if (asks) t.match(stdout, /^switch over\? \[y\/N\] y$/m, 'a yes on a terminal')
    for (const line of stdout.trimEnd().split('\n')) t.comment(line)
    for (const line of shown(from, to)) t.match(stdout, line)
    t.equal(await stand.leader(), to)
    await new Promise(resolve => setTimeout(resolve, 500))
    const ours = await openGap(t, field, from)
    const theirs = sumUp(writer.entries(), since).gap?.ms ?? Number.NaN
    apart.push(theirs - ours)
    t.comment(`the writer: ${theirs} ms, the phases: ${ours.toFixed(1)} ms, apart: ${(theirs - ours).toFixed(1)} ms`)
  }
  const [, median = Number.NaN] = apart.toSorted((a, b) => a - b)
  t.ok(Math.abs(median) <= SLACK_MS, `the phases add up to what the writer saw, within ${SLACK_MS} ms: ${median}`)
  t.match(sight.lines(/an operator has Patroni switch over from pg1/), [
    'demo: an operator has Patroni switch over from pg1 to pg2',
    'demo: an operator has Patroni switch over from pg1 to pg2',
  ])
}

function shown(from: string, to: string): readonly RegExp[] {
  const phase = (what: string) => new RegExp(`^ {2}\\+\\d\\.\\d{3}s {2}\\d\\.\\d{3}s {2}${what}$`, 'm')
  return [
    new RegExp(`^demo: ${from} → ${to} \\((streaming|running), .* behind\\)$`, 'm'),
    new RegExp(`^ {2}\\d+ open sessions? on ${from} will end; who comes to write waits \\(holdFor: write 45s\\)$`, 'm'),
    /^ {2}\+0\.000s {2}0\.000s {2}first sign$/m,
    phase(`last answer of ${from}`),
    phase(`open sessions of ${from} end`),
    phase('first write let through'),
    phase('first login ends'),
    phase(`first answer of ${to}`),
    new RegExp(`^${from} → ${to} took .*: Patroni .*, mekare `, 'm'),
    /^ {2}clients: new connections to write were let in again after .*; open sessions were without a primary for /m,
  ]
}

/** What the phases say that open sessions paid. */
async function openGap(t: Test, field: Field, from: string): Promise<number> {
  const incident = (JSON.parse((await field.proxy.control('GET', '/incidents')).body) as Incident[]).at(-1)
  if (incident === undefined) throw new Error('no incident is on record')
  t.match(incident, { from, cut: 0 })
  // Of one whose client closed at once it cannot always be seen who did so first.
  t.ok([1, 2].includes(incident.lost), `sessions that the old leader ended: ${incident.lost}`)
  const { open = Number.NaN } = gapsOf(incident)
  const last = incident.moments.last_answer ?? Number.NaN
  const sum = phasesOf(incident).reduce((total, { at, took }) => total + (at > last ? took : 0), 0)
  t.ok(Math.abs(sum - open) < 1, 'the phases after the last answer add up to what open sessions paid')
  return sum
}

/** Its lease would run out 20 s later: its key is taken away instead, which is the same to everybody who watches it. */
async function killed(t: Test, field: Field, sight: Sight): Promise<void> {
  const { stand } = field
  const { namespace, scope } = stand.settings
  await stand.untilStreaming({ members: ['pg2', 'pg3'] })
  await stand.kill('pg2')
  await sight.line(/demo: gate closed .* pg2 holds the leader key but turns connections away/)
  await stand.etcdctl('del', `${namespace}${scope}/leader`)
  const incident = await until(30_000, 'nobody wrote to another leader', async () => {
    const all = JSON.parse((await field.proxy.control('GET', '/incidents')).body) as Incident[]
    return all.find(({ number, lasted }) => number === 4 && lasted !== undefined)
  })
  t.match(incident, { from: 'pg2', cause: 'unreachable', lost: 2, cut: 0 })
  // Its sessions and the connection of the probe end at the same time, and either may be heard first.
  t.ok((incident.moments.sessions_lost ?? Number.NaN) < 100, `they ended at ${incident.moments.sessions_lost} ms`)
  const { stdout } = await sight.cli('incidents', '1')
  t.match(stdout, /^ {2}\+0\.0\d\ds {2}open sessions of pg2 end /m)
  t.match(stdout, /^ {2}sessions: \d+ held, 2 lost with pg2, 0 cut, 0 refused;/m)
  for (const line of stdout.trimEnd().split('\n')) t.comment(line)
}

async function hooked(t: Test, file: string): Promise<void> {
  const lines = await until(5000, 'nothing was told', async () => {
    const all = readFileSync(file, 'utf8').trimEnd().split('\n')
    return all.length >= 6 ? all : undefined
  })
  const each = (from: string, to: string) => [
    { event: 'leader_changed', router: 'proxy1', cluster: 'demo', from, to },
    { event: 'incident_ended', router: 'proxy1', cluster: 'demo', incident: { from, to } },
  ]
  t.match(
    lines.map(line => JSON.parse(line)),
    [...each('pg1', 'pg2'), ...each('pg2', 'pg1'), ...each('pg1', 'pg2')],
  )
  t.equal(lines.length, 6)
}
