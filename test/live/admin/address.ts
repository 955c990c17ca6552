// The admin address: paths, bad requests, and where it may listen.

import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { startAdmin } from '../../../src/admin/server.js'
import type { Event } from '../../../src/events/event.js'
import { noHistory } from '../../../src/history/history.js'
import { admin, bind, fakes, hindered, nothingToReport, started, status } from './fakes.js'
import { get, raw } from './http.js'

t.test('the admin address answers each path, reads only, and names no session', async t => {
  const where = await admin(t)
  t.match(await get(where, '/'), { status: 200, headers: { 'content-security-policy': /^default-src 'none'; script/ } })
  t.match(await get(where, '/metrics'), {
    status: 200,
    headers: { 'content-type': /^text\/plain; version=0\.0\.4/ },
    body: '# metrics\n',
  })
  t.match(await get(where, '/healthz'), { status: 200, body: 'ok\n' })
  t.match(await get(where, '/readyz'), { status: 503, body: 'read: no replica qualifies\n' })
  t.match(await get(where, '/readyz?listener=write'), { status: 200, body: 'pg1\n' })
  t.strictSame(JSON.parse((await get(where, '/status')).body), status)
  t.strictSame(JSON.parse((await get(where, '/incidents')).body), [])
  t.strictSame(JSON.parse((await get(where, '/history')).body), noHistory)
  for (const path of ['/sessions', '/explain?listener=read', '/drain', '/nothing', '/../etc/passwd']) {
    t.equal((await get(where, path)).status, 404, path)
  }
  t.equal((await get(where, '/drain?member=self', 'POST')).status, 404)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    t.match(await get(where, '/status', method), { status: 405, headers: { allow: 'GET, HEAD' } }, method)
  }
  const [whole, head] = [await get(where, '/status'), await get(where, '/status', 'HEAD')]
  t.match(head, { status: 200, headers: { 'content-length': whole.headers['content-length'] }, body: '' })
  t.match(await get(where, '/readyz', 'HEAD'), { status: 503, body: '' })
  t.match(await get(where, '/events', 'HEAD'), {
    status: 200,
    headers: { 'content-type': 'text/event-stream' },
    body: '',
  })
  t.strictSame(where.drained, [])
})

t.test('bad requests are answered and harm nobody', async t => {
  const where = await admin(t)
  t.match(await raw(where.port, 'what is this\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.match(await raw(where.port, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /)
  t.match(await raw(where.port, 'GET /status HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n'), /^HTTP\/1\.1 413 /)
  t.match(await raw(where.port, 'GET * HTTP/1.1\r\nhost: x\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.equal((await get(where, `/${'x'.repeat(3000)}`)).status, 414)
  t.equal((await get(where, '/healthz')).status, 200)
})

t.test('a request that never ends and a connection that says nothing are closed', async t => {
  const where = await admin(t)
  const before = Date.now()
  const [half] = await Promise.all([raw(where.port, 'GET / HT'), raw(where.port, '')])
  t.match(half, /^HTTP\/1\.1 408 /)
  t.ok(Date.now() - before < 8000)
})

t.test('a route that fails is a 500 with the reason, and the server goes on', async t => {
  const { deps } = fakes()
  const broken = { ...deps, metrics: () => Promise.reject(new Error('no registry')) }
  const server = started(await startAdmin({ kind: 'tcp', host: '127.0.0.1', port: 0 }, broken, nothingToReport, bind))
  t.teardown(server.stop)
  const where = { port: Number(server.listening.bound.split(':')[1]) }
  t.match(await get(where, '/metrics'), { status: 500, body: /this is a bug of mekare, please report it: no registry/ })
  t.equal((await get(where, '/healthz')).status, 200)
})

t.test('a taken port is said with the remedy', async t => {
  const { deps } = fakes()
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  t.equal(
    await hindered(await startAdmin({ kind: 'tcp', host: '127.0.0.1', port }, deps, nothingToReport, bind)),
    `admin.address: 127.0.0.1:${port} is taken (EADDRINUSE); stop the other process or choose another`,
  )
  t.match(
    await hindered(await startAdmin({ kind: 'tcp', host: '192.0.2.1', port: 0 }, deps, nothingToReport, bind)),
    /^admin\.address: 192\.0\.2\.1:0 is not an address of this machine \(EADDRNOTAVAIL\); choose one of/,
  )
})

t.test('an address that is not loopback is warned of, with what it shows', async t => {
  const { deps } = fakes()
  const events: Event[] = []
  const server = started(await startAdmin({ kind: 'tcp', host: '0.0.0.0', port: 0 }, deps, e => events.push(e), bind))
  await server.stop()
  t.match(events, [
    {
      kind: 'warned',
      what: /^admin\.address: 0\.0\.0\.0:\d+ is not loopback: whoever reaches it reads.*events \(no client addresses\)/,
    },
  ])
  t.equal(events.length, 1)
})
