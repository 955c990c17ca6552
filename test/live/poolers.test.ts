// A PgBouncer beside each member, which Patroni publishes as proxy_url: sessions go through it, probes do not, and one that is dead
// costs its member a place in the pools that go through poolers, and nothing else.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../lab/cluster.js'
import { onStand } from '../lab/onstand.js'
import { PASSWORDS } from '../lab/options.js'
import type { ProxyProcess } from '../lab/proxy.js'
import { openSession } from '../lab/session.js'
import { type Sight, see } from '../lab/sight.js'
import type { Stand } from '../lab/stand.js'

t.setTimeout(300_000)

const SIZE = 5

interface Place {
  readonly stand: Stand
  readonly proxy: ProxyProcess
  readonly sight: Sight
}

t.test('through the pooler beside each member', t =>
  onStand(
    t,
    {
      ...{ network: 'loopback', etcd: 1, members: 2, proxies: 1, loopWait: 2 },
      poolers: { mode: 'transaction', size: SIZE },
    },
    async stand => {
      const asked = { address: direct(stand), cluster: 'demo', role: 'replica' }
      const proxy = await stand.proxy('proxy1', {
        config: {
          clusters: { demo: { probe: { interval: '200ms', timeout: '500ms', slowStart: '0s' } } },
          listen: { direct: asked, read: { connectTimeout: '500ms' } },
        },
      })
      const place = { stand, proxy, sight: see(stand, proxy) }
      await t.test('forty sessions of a member share five servers', t => shared(t, place))
      await t.test('a cancel goes to the pooler, and ends the right query', t => cancelled(t, place))
      await t.test('a frozen pooler counts against its member here, and against nothing else', t => frozen(t, place))
      await t.test("the primary's pooler dies: the gate stays open, writers wait, and go on when it is back", t =>
        died(t, place),
      )
      await t.test('after a switchover writes go through the pooler of the new primary', t => moved(t, place))
      t.equal(place.sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
    },
  ),
)

/** `host:port` of a listener that dials PostgreSQL itself. */
const direct = (stand: Stand) => `${stand.address('proxy1')}:${stand.ports.read + 1}`

/** Opens a session, asks who answers, and closes it. */
async function whoAnswers({ stand }: Place, where: string): Promise<string | undefined> {
  const { client } = await openSession(where)
  const { rows } = await client.query<{ at: string }>('select host(inet_server_addr()) as at')
  await client.end()
  return stand.members.find(name => stand.address(name) === rows[0]?.at)
}

async function shared(t: Test, { stand, proxy, sight }: Place): Promise<void> {
  await sight.verdict('read', 'pg2', /^usable: replica, /)
  const clients = await Promise.all(Array.from({ length: 40 }, () => openSession(proxy.read)))
  const asked = await Promise.all(clients.map(({ client }) => client.query('select pg_sleep(0.02)')))
  t.equal(asked.length, 40, 'each is answered')
  const [row] = await stand.sql('pg2', "select count(*)::int as n from pg_stat_activity where usename = 'app'")
  // On a busy machine forty short questions may be over before it has opened its last one.
  t.ok(Number(row?.n) > 0 && Number(row?.n) <= SIZE, `PostgreSQL has no more than the pooler may open: ${row?.n}`)
  const [member] = (await sight.status()).clusters.flatMap(({ members }) => members).filter(m => m.name === 'pg2')
  t.equal(member?.sessions, 40, 'status counts sessions')
  t.equal(member?.pooler?.address, `${stand.address('pg2')}:${stand.ports.pooler}`, 'and shows the pooler')
  t.match((await sight.cli('status')).stdout, /pooler at \S+ +healthy for/, 'on a terminal too')
  await Promise.all(clients.map(client => client.end()))
}

async function cancelled(t: Test, { stand, proxy, sight }: Place): Promise<void> {
  const [host, port] = proxy.write.split(':')
  const conninfo = `host=${host} port=${port} user=app dbname=app sslmode=disable`
  const argv = [join(stand.programs.postgres, 'psql'), '-X', conninfo, '-c', 'select pg_sleep(60)']
  const child = stand.spawn('client', 'psql', argv, { env: { PGPASSWORD: PASSWORDS.app } })
  const running = "select pid from pg_stat_activity where usename = 'app' and wait_event = 'PgSleep'"
  await until(10_000, 'the query of psql does not run', async () => {
    return (await stand.sql('pg1', running)).length > 0 || undefined
  })
  child.kill('SIGINT')
  await once(child, 'exit')
  const log = readFileSync(join(stand.dir, 'client', 'psql.log'), 'utf8')
  t.match(log, /canceling statement due to user request/, 'psql prints what PostgreSQL said')
  t.equal((await stand.sql('pg1', running)).length, 0, 'and the query has ended')
  t.equal(await sight.metric('mekare_cancels_total', { how: 'known' }), 1, 'the key was known')
}

async function frozen(t: Test, place: Place): Promise<void> {
  const { stand, proxy, sight } = place
  stand.freeze('pg2', 'pooler')
  await sight.verdict('read', 'pg2', /^not usable: its pooler: no answer for .* did not answer within 500ms/)
  t.match(await sight.explain('direct', 'pg2'), /: usable: replica/, 'who asks PostgreSQL itself is served')
  t.equal(await whoAnswers(place, direct(stand)), 'pg2')
  t.equal(await sight.metric('mekare_member_up', { member: 'pg2' }), 1, 'the member is up')
  t.equal(await sight.metric('mekare_pooler_up', { member: 'pg2' }), 0, 'its pooler is not')
  t.equal(await whoAnswers(place, proxy.write), 'pg1', 'writes go on')
  stand.thaw('pg2', 'pooler')
  await sight.verdict('read', 'pg2', /^usable: replica, /)
  t.equal(await whoAnswers(place, proxy.read), 'pg2')
}

async function died(t: Test, place: Place): Promise<void> {
  const { stand, proxy, sight } = place
  const closed = () => sight.lines(/gate closed/).length
  const before = closed()
  await stand.kill('pg1', 'pooler')
  await sight.verdict('write', 'pg1', /^not usable: its pooler: no answer for .*ECONNREFUSED/)
  const waiting = whoAnswers(place, proxy.write)
  await sight.line(/^write: holds .* pg1: its pooler: no answer for/)
  t.equal(await sight.metric('mekare_gate_open'), 1, 'the gate is open')
  t.equal(await whoAnswers(place, proxy.read), 'pg2', 'reads go on')
  stand.start('pg1')
  t.equal(await waiting, 'pg1', 'who waited is served')
  t.equal(closed(), before, 'the gate never closed')
}

async function moved(t: Test, place: Place): Promise<void> {
  const { stand, proxy } = place
  t.equal(await stand.switchover(), 'pg2')
  const { client } = await openSession(proxy.write)
  const { rows } = await client.query('select pg_is_in_recovery() as standby, host(inet_server_addr()) as at')
  t.same(rows, [{ standby: false, at: stand.address('pg2') }], 'the new primary answers')
  const [row] = await stand.sql('pg2', "select client_port from pg_stat_activity where usename = 'app' limit 1")
  const status = await place.sight.cli('sessions')
  t.notMatch(status.stdout, new RegExp(`:${row?.client_port}\\b`), 'over a server of its pooler, not over our own link')
  await client.end()
}
