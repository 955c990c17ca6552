// What is learnt from whom, by which login, encrypted or not.

import { readFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { ProbeOutcome } from '../../../src/health/answer.js'
import { createProber } from '../../../src/probes/create.js'
import { ms } from '../../../src/units/units.js'
import { CONFIG, firstAnswer, PATRONI, target, usesTls, watch } from './asking.js'
import { freePort, logOf, primary, replica, sql } from './pair.js'

t.test('a role with CONNECT alone learns primary or recovery, system, timeline and positions', async t => {
  const [of, to] = [await firstAnswer({}), await firstAnswer({}, replica)]
  const systemId = sql(primary, 'SELECT system_identifier FROM pg_control_system()')
  t.match(of, { kind: 'primary', systemId, timeline: 1, lsn: Number })
  t.match(to, { kind: 'recovery', systemId, timeline: 1, receiveLsn: Number, replayLsn: Number })
  const current = Number(sql(primary, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))
  t.ok(of.kind === 'primary' && Math.abs(current - of.lsn) < 1 << 20, 'the position is that of the server')
})

t.test('a replica that has something left to replay tells for how long', async t => {
  sql(primary, 'CREATE TABLE replayed AS SELECT 1')
  const written = sql(primary, 'SELECT pg_current_wal_lsn()')
  while (sql(replica, `SELECT pg_last_wal_replay_lsn() >= '${written}'`) !== 't') await sleep(10)
  sql(replica, 'SELECT pg_wal_replay_pause()')
  sql(primary, 'CREATE TABLE written AS SELECT 1')
  const seen = watch({}, [target(replica)])
  const { answer } = await seen.until(a => a.kind === 'recovery' && a.replayDelay !== undefined, 'a delay')
  await seen.prober.stop()
  t.ok(answer.kind === 'recovery' && Number(answer.receiveLsn) > Number(answer.replayLsn))
  sql(replica, 'SELECT pg_wal_replay_resume()')
})

t.test('logins: SCRAM, md5, wrong, missing, and nothing of the environment', async t => {
  t.match(await firstAnswer({ user: 'old' }), { kind: 'primary' }, 'md5')
  t.match(await firstAnswer({ password: 'wrong' }), { reason: 'auth', why: /28P01.*probe\.passwordFile/ })
  t.match(await firstAnswer({ database: 'nowhere' }), { reason: 'unclear', why: /3D000.*probe\.database/ })
  const { password: _, ...none } = CONFIG
  Object.assign(process.env, {
    PGPASSWORD: 'right',
    PGOPTIONS: '-c nonsense=1',
    PGREPLICATION: 'database',
    PGSSLMODE: 'disable',
  })
  const outcomes: ProbeOutcome[] = []
  const deps = { now: () => ms(performance.now()), period: () => ms(5000), told: (o: ProbeOutcome) => outcomes.push(o) }
  const prober = createProber({ probe: none, patroni: PATRONI }, deps)
  prober.want([target(primary)])
  while (outcomes.length === 0) await sleep(5)
  await prober.stop()
  t.match(outcomes[0]?.answer, { reason: 'auth', why: /none is given/ })
  t.match(await firstAnswer({}), { kind: 'primary' })
  for (const name of ['PGPASSWORD', 'PGOPTIONS', 'PGREPLICATION', 'PGSSLMODE']) delete process.env[name]
})

t.test('TLS: each sslmode means what it means to libpq', async t => {
  const ca = join(primary.data, 'server.crt')
  for (const [config, encrypted] of [
    [{ sslmode: 'disable' }, 'f'],
    [{ sslmode: 'prefer' }, 't'],
    [{ sslmode: 'require' }, 't'],
    [{ sslmode: 'verify-ca', ca }, 't'],
    [{ sslmode: 'verify-full', ca: readFileSync(ca, 'utf8') }, 't'],
    [{ sslmode: 'prefer', user: 'unencrypted' }, 'f'],
  ] as const) {
    const seen = watch(config, [target(primary)], 5000)
    const { answer } = await seen.until(() => true, 'any answer')
    t.match([answer.kind, usesTls()], ['primary', encrypted], JSON.stringify({ sslmode: config.sslmode }))
    await seen.prober.stop()
  }
  t.match(await firstAnswer({ sslmode: 'require', user: 'unencrypted' }), { reason: 'auth', why: /pg_hba/ })
  t.match(
    await firstAnswer({ sslmode: 'verify-full', ca }, replica),
    { reason: 'tls', why: /probe\.ca/ },
    'name differs',
  )
  t.match(await firstAnswer({ sslmode: 'verify-ca', ca }, replica), { kind: 'recovery' })
  t.match(
    await firstAnswer({ sslmode: 'verify-ca' }),
    { reason: 'tls' },
    'a self-signed certificate nobody vouches for',
  )
  t.match(await firstAnswer({ sslmode: 'verify-ca', ca: '/nowhere.crt' }), { reason: 'tls', why: /nowhere\.crt/ })
})

t.test('without credentials Patroni is asked and PostgreSQL pinged, silently', async t => {
  let reply: unknown = { state: 'running', role: 'master', xlog: { location: 5000 }, timeline: 1 }
  const http = createHttp((_, response) => response.end(JSON.stringify(reply))).listen(0, '127.77.2.1')
  await new Promise(resolve => http.once('listening', resolve))
  const apiUrl = `http://127.77.2.1:${(http.address() as AddressInfo).port}`
  const { user: _, ...noUser } = CONFIG
  const outcomes: ProbeOutcome[] = []
  const logged = await stillLength(() => logOf(primary))
  const deps = { now: () => ms(performance.now()), period: () => ms(100), told: (o: ProbeOutcome) => outcomes.push(o) }
  const prober = createProber({ probe: noUser, patroni: PATRONI }, deps)
  const nobody = { name: 'dead', address: { host: '127.77.2.1', port: await freePort('127.77.2.1') }, apiUrl }
  prober.want([{ ...target(primary), apiUrl }, nobody, { ...target(replica), apiUrl: 'http://127.77.2.1:1' }])
  await sleep(300)
  reply = { state: 'stopping', role: 'master' }
  await sleep(300)
  http.close()
  await prober.stop()
  const of = (name: string) => outcomes.filter(o => o.member === name).map(o => o.answer)
  t.equal(prober.via, 'rest')
  t.match(of('primary')[0], { kind: 'primary', lsn: 5000 })
  t.match(of('primary').at(-1), { reason: 'starting' })
  t.match(of('dead')[0], { reason: 'refused', why: /ECONNREFUSED/ }, 'although Patroni calls it a primary')
  t.match(of('replica')[0], { reason: 'unclear', why: /PostgreSQL answers.*ECONNREFUSED/ })
  t.equal(logOf(primary).slice(logged), '', 'nothing in the log of PostgreSQL')
})

/** The length of a text once it has not grown for a second: what was done before may be told late. */
async function stillLength(text: () => string): Promise<number> {
  for (let length = text().length; ; ) {
    await sleep(1000)
    if (text().length === length) return length
    length = text().length
  }
}
