// Servers that are full, frozen, stopped, or no PostgreSQL at all.

import { type AddressInfo, createServer } from 'node:net'
import pg from 'pg'
import t from 'tap'
import { ms } from '../../../src/units/units.js'
import { firstAnswer, target, unaskedFor, usesTls, watch } from './asking.js'
import { primary, signalTree, start, stop } from './pair.js'

t.test('no free connection is too_many', async t => {
  const taken: pg.Client[] = []
  for (let i = 0; i < 11; i++) {
    const client = new pg.Client({
      host: primary.host,
      port: primary.port,
      user: 'unencrypted',
      password: 'right',
      database: 'postgres',
      ssl: false,
    })
    client.on('error', () => {})
    await client.connect()
    taken.push(client)
  }
  t.match(await firstAnswer({}), { reason: 'too_many', why: /53300.*max_connections/ })
  await Promise.all(taken.map(client => client.end()))
})

t.test('a frozen server is a timeout, and answers again once thawed', async t => {
  const seen = watch({ timeout: ms(300) }, [target(primary)])
  await seen.until(a => a.kind === 'primary', 'primary')
  signalTree(primary, 'SIGSTOP')
  const { answer, askedAt, answeredAt } = await seen.until(unaskedFor('timeout'), 'timeout')
  t.match(answer, { why: /did not answer within 300ms/ })
  t.ok(answeredAt - askedAt < 1000, `after ${Math.round(answeredAt - askedAt)} ms`)
  const again = seen.outcomes.length
  await seen.until(unaskedFor('timeout'), 'a new connection times out too', again)
  const from = seen.outcomes.length
  signalTree(primary, 'SIGCONT')
  await seen.until(a => a.kind === 'primary', 'primary again', from)
  await seen.prober.stop()
})

t.test('a stopped server is refused at once, and found again when it is back', async t => {
  const seen = watch({}, [target(primary)], 60_000)
  await seen.until(a => a.kind === 'primary', 'primary')
  const at = performance.now()
  await stop(primary, 'SIGQUIT')
  const { answeredAt } = await seen.until(unaskedFor('refused'), 'refused')
  t.ok(answeredAt - at < 1000, `after ${Math.round(answeredAt - at)} ms`)
  seen.period = 20
  seen.prober.recheck()
  await seen.until(a => a.kind === 'unasked' && /ECONNREFUSED/.test(a.why), 'nothing listens')
  const from = seen.outcomes.length
  await start(primary, '-c', 'ssl=off')
  await seen.until(a => a.kind === 'primary', 'primary again', from)
  t.equal(usesTls(), 'f', 'prefer goes on in plain where TLS is off')
  await seen.prober.stop()
  t.match(await firstAnswer({ sslmode: 'require' }), { reason: 'tls', why: /ssl = on/ })
  t.match(await firstAnswer({}, { ...primary, host: 'no-such-host.invalid' }), { reason: /unreachable|timeout/ })
})

t.test('whatever else listens there is unclear, broken or late, and never ends the process', async t => {
  const junk = [
    'HTTP/1.1 400 Bad Request\r\n\r\n',
    'S not TLS',
    'E\0\0\0\x04',
    'R\0\0\0\x08\0\0\0\x63',
    'D\0\0\0\x06\x7f\xff',
    'N',
    '\xff'.repeat(99),
  ]
  for (const bytes of junk) {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => socket.write(bytes, 'latin1'))
    }).listen(0, '127.77.2.1')
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    for (const sslmode of ['disable', 'prefer', 'require'] as const) {
      const answer = await firstAnswer({ sslmode, timeout: ms(100) }, { ...primary, port })
      t.match(
        answer,
        { kind: 'unasked' },
        `${sslmode} ${JSON.stringify(bytes.slice(0, 12))}: ${'why' in answer ? answer.why : ''}`,
      )
    }
    await new Promise(resolve => server.close(resolve))
  }
})
