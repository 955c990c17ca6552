// The etcd source against real etcd: three members on 127.77.1.x, and single ones for passwords, restores and wrong scopes.
// Each drill prints how long after the acknowledged write the source told of it.

import t from 'tap'
import { applyChanges, applyRead } from '../../src/sources/etcd/mirror.js'
import { end } from './sources/etcd.js'
import { passwords, restored, startOne, tlsToPlain, wrongScope } from './sources/one.js'
import {
  allFrozen,
  allKilled,
  compacted,
  frozen,
  frozenLeader,
  killed,
  moved,
  sameName,
  standingBy,
  startThree,
  stopped,
} from './sources/three.js'
import { clientCertificates } from './sources/tls.js'

const unhandled: unknown[] = []
process.on('unhandledRejection', error => unhandled.push(error))

t.test('three etcd members', async t => {
  const three = await startThree()
  t.teardown(() => three.listener.stop())
  await t.test('a moved leader key is told within milliseconds', t => moved(t, three))
  await t.test('the same name written again is another term', t => sameName(t, three))
  await t.test('compaction changes nothing', t => compacted(t, three))
  await t.test('the endpoint in use frozen costs at most 2 s', t => frozen(t, three))
  await t.test("frozen while it leads etcd too: at most 2 s on top of etcd's election", t => frozenLeader(t, three))
  await t.test('the endpoint in use killed costs at most 2 s', t => killed(t, three))
  await t.test('one that stands by and dies is shown so, and so is its return', t => standingBy(t, three))
  await t.test('all frozen: silence is told, then the answer again', t => allFrozen(t, three))
  await t.test('all killed: silence names the cause; restarted ones are found', t => allKilled(t, three))
  await t.test('stop leaves nothing behind', t => stopped(t, three))
})

t.test('the mirror: what reads and watch events may change', async t => {
  const entry = (value: string, revision: number) => ({ value, createRevision: '1', modRevision: String(revision) })
  const at = (revision: number, value: string) => ({ revision, entries: new Map([['leader', entry(value, revision)]]) })
  const mirror = at(10, 'a')
  t.match(applyRead(mirror, at(12, 'b'), 10), [{ revision: 12 }, 'changed'])
  t.match(applyRead(mirror, { ...mirror, revision: 12 }, 10), [{ revision: 12 }, 'same'], 'others wrote elsewhere')
  t.same(applyRead(mirror, at(9, 'b'), 8), [mirror, 'old'], 'the watch was faster than a read begun before')
  t.match(applyRead(mirror, at(9, 'b'), 10), [{ revision: 9 }, 'behind'], 'a later read with less: restored')
  const changes = [
    { key: 'leader', revision: 9, entry: entry('late', 9) },
    { key: 'leader', revision: 11 },
    { key: 'leader', revision: 12, entry: entry('c', 12) },
  ]
  const next = applyChanges(mirror, changes)
  t.equal(next.revision, 12)
  t.equal(next.entries.get('leader')?.value, 'c')
  t.equal(applyChanges(next, changes), next, 'what is in it already changes nothing')
})

t.test('TLS with client certificates; a foreign authority is said in one line', t => clientCertificates(t))

t.test('one etcd', async t => {
  const one = await startOne()
  await t.test('a wrong scope says which scopes exist', t => wrongScope(t, one))
  await t.test('TLS to a plain etcd is said in one line', t => tlsToPlain(t, one))
  await t.test('an etcd restored to an older revision is followed', t => restored(t, one))
  await t.test('passwords: the right one follows, a wrong one is said, a lost token is renewed', t => passwords(t, one))
  await end(one.etcd)
})

t.test('nothing was rejected unhandled, and nothing keeps the process alive', async t => {
  t.same(unhandled, [])
  const left = process.getActiveResourcesInfo().filter(what => /TCP|Timeout|Pipe.*Connect/.test(what))
  t.same(left, [])
})
