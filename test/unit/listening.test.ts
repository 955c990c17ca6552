// Which socket that a process was started with is for which address. No socket is opened.

import t from 'tap'
import { fromPredecessor, fromServiceManager, NOTHING, storedName } from '../../src/listening/inherited.js'
import type { Want } from '../../src/listening/listening.js'

const want = (key: string, port = 5000): Want => ({
  key,
  address: { kind: 'tcp', host: '10.0.0.1', port },
  mode: 0o600,
})
const WRITE = want('listen.write.address')
const READ = want('listen.read.address', 5001)

t.test('the service manager’s sockets go by the listener’s name', async t => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '4', LISTEN_FDNAMES: 'write:listen.read:control:strange' }
  const given = fromServiceManager(env, 7)
  t.strictSame(given.take(WRITE), { name: 'write', fd: 3, kept: true })
  t.match(given.take(READ), { fd: 4 }, 'as it is called in the store too')
  t.equal(given.take(WRITE), undefined, 'each once')
  t.match(given.take(want('admin.socket')), { fd: 5 })
  t.notOk(given.has(want('admin.address')))
  t.notOk(fromServiceManager(env, 8).has(WRITE), 'those of another process are not ours')
  t.notOk(fromServiceManager({}, 7).has(WRITE))
})

t.test('the names in the store are those a start looks for', async t => {
  for (const { key } of [WRITE, READ, want('admin.address')]) {
    const env = { LISTEN_PID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: storedName(key) }
    t.ok(fromServiceManager(env, 7).has(want(key)), storedName(key))
  }
})

t.test('the sockets of the process before go by their address, whatever the listener is called', async t => {
  const handedOn = [
    { key: 'listen.old.address', address: '10.0.0.1:5000', fd: 3, kept: false },
    { key: 'listen.any.address', address: '10.0.0.1:0', fd: 4, kept: false },
  ]
  const given = fromPredecessor(handedOn)
  t.match(given.take(WRITE), { fd: 3, kept: false })
  t.notOk(given.has(READ))
  t.notOk(
    given.has(want('listen.other.address', 0)),
    'a port of the system’s choice is the same only for the same listener',
  )
  t.ok(given.has(want('listen.any.address', 0)))
  t.notOk(given.settled(), 'until all is open the files are the other’s too')
  t.notOk(NOTHING.has(WRITE))
  t.ok(NOTHING.settled())
})
