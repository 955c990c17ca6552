// The control socket: orders, and the file that it is.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startControl } from '../../../src/admin/control.js'
import { bind, control, directory, fakes, hindered, started } from './fakes.js'
import { get } from './http.js'

t.test('the control socket explains, lists and drains', async t => {
  const { path, drained } = await control(t)
  const where = { socketPath: path }
  t.match(await get(where, '/explain?listener=read'), { status: 200, body: /^pg1: not usable: the primary\npg2/ })
  t.match(await get(where, '/explain?listener=x'), { status: 404, body: 'no listener is named "x"; there are: read\n' })
  t.equal((await get(where, '/explain')).status, 400)
  t.match(await get(where, '/sessions'), { status: 200, body: '[]\n' })
  t.match(await get(where, '/incidents'), { status: 200, body: '[]\n' })
  t.equal((await get(where, '/status')).status, 200)
  t.equal((await get(where, '/drain?member=pg%203')).status, 405, 'a GET changes nothing')
  t.strictSame(drained, [])
  t.match(await get(where, '/drain?member=pg%203', 'POST'), { status: 200, body: 'pg 3: drained\n' })
  t.match(await get(where, '/undrain?member=pg%203', 'POST'), { status: 200, body: 'pg 3: undrained\n' })
  t.match(await get(where, '/drain?member=pg9', 'POST'), { status: 409, body: 'no member is named pg9\n' })
  t.equal((await get(where, '/drain', 'POST')).status, 400)
  t.strictSame(drained, ['pg 3 true', 'pg 3 false'])
})

t.test('a connection that may not be upgraded is closed, though its peer goes on', async t => {
  const { path } = await control(t, { sidecar: socket => socket.destroy() })
  const peer = connect({ path, allowHalfOpen: true })
  peer.write('GET /sidecar HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n')
  t.match(String((await once(peer, 'data'))[0]), /^HTTP\/1\.1 400 /)
  peer.on('error', () => {})
  const poke = setInterval(() => peer.write('still here'), 20)
  const closed = new Promise(resolve => peer.on('close', () => resolve('closed')))
  t.equal(await Promise.race([closed, sleep(5000, 'open')]), 'closed')
  clearInterval(poke)
  peer.destroy()
})

t.test('the control socket has mode 0600 whatever the umask, and goes at the stop', async t => {
  const path = join(directory(t), 'sub', 'control.sock')
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const server = started(await startControl(path, fakes().deps, bind))
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o755)
  t.equal(process.umask(), 0, 'the umask is as it was')
  await server.stop()
  t.notOk(existsSync(path))
})

t.test('the file has its mode at the moment it is there, before anybody could connect', async t => {
  const where = directory(t)
  const path = join(where, 'control.sock')
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const modes = new Set<number>()
  const server = createServer()
  const listen = server.listen.bind(server)
  const watched = (how: { path: string }, done: () => void) => {
    listen(how, done)
    modes.add(statSync(how.path).mode & 0o777)
    return server
  }
  const bound = await bind(Object.assign(server, { listen: watched }), {
    key: 'admin.socket',
    address: { kind: 'unix', path },
    mode: 0o600,
  })
  t.ok(bound.ok)
  modes.add(statSync(path).mode & 0o777)
  t.strictSame([...modes], [0o600])
  t.strictSame(readdirSync(where), ['control.sock'], 'and no other name of it is left')
  if (bound.ok) bound.listening.close()
  t.strictSame(readdirSync(where), [])
})

t.test('the socket of a dead process is replaced, that of a live one is not', async t => {
  const path = join(directory(t), 'control.sock')
  const leave = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', leave])
  t.ok(existsSync(path), 'it was left behind')
  const first = started(await startControl(path, fakes().deps, bind))
  t.equal(
    await hindered(await startControl(path, fakes().deps, bind)),
    `admin.socket: ${path} is in use by another process (EADDRINUSE); stop that one or choose another path`,
  )
  t.equal((await get({ socketPath: path }, '/healthz')).status, 200, 'the first one still answers')
  await first.stop()
  t.notOk(existsSync(path))
})

t.test('what is not a socket is left alone; a path that cannot be is said', async t => {
  const where = directory(t)
  const file = join(where, 'precious')
  writeFileSync(file, 'data')
  t.match(
    await hindered(await startControl(file, fakes().deps, bind)),
    /is there and is not a socket; it is left alone/,
  )
  t.equal(readFileSync(file, 'utf8'), 'data')
  t.match(
    await hindered(await startControl(join(where, 'a', 'b', 'c.sock'), fakes().deps, bind)),
    /^admin\.socket: the directory .*\/a\/b does not exist, nor does the one above it; make it or choose another path$/,
  )
  t.match(
    await hindered(await startControl(join(where, 'x'.repeat(120)), fakes().deps, bind)),
    /has more than 107 bytes.*choose a shorter one$/,
  )
  t.match(await hindered(await startControl(join(file, 'c.sock'), fakes().deps, bind)), /^admin\.socket: /)
})
