// How a status looks to a person.

import t from 'tap'
import { renderStatus } from '../../../src/cli/render.js'
import type { Status } from '../../../src/pools/status.js'
import { ms } from '../../../src/units/units.js'
import { plain, status } from './words.js'

const STATUS = `mekare 0.1.0 on gate1, up 3h 5min

demo
  gate     OPEN to pg1 for 2h 4min
  leader   pg1 for 2h 4min, timeline 4
  source   etcd answered 300ms ago
           10.77.0.11:2379 in use
           10.77.0.12:2379 standing by
           10.77.0.13:2379 failed: ECONNREFUSED
  problem  members/pg9: not JSON

  MEMBER  ADDRESS          NOW        PATRONI SAYS        TL  LAG      SESSIONS  LAST CHECK          HEALTH
  pg1     10.77.0.21:5432  primary    primary, running    4   -        12        sql 1ms, 300ms ago  healthy for 2h 4min
      write  yes  is the primary
      read   no   is the primary
      since start: 1203 sessions, at most 40 at one time, 7 cut; 2.0GiB up, 8.0GiB down; 7440 checks
  pg2     10.77.0.22:5432  replica    replica, streaming  4   21.0MiB  0         sql 1ms, 300ms ago  healthy for 2h 4min
      write  no   is not the primary (pg1 is)
      read   no   lag 21.0MiB is over maxLag 16.0MiB
      since start: 0 sessions; 0B up, 0B down; 7440 checks
  pg3     10.77.0.23:5432  no answer  replica, streaming  4   0B       0         sql 1s, 300ms ago   no answer for 12s: timeout, DRAINED, member key GONE
      write  no   no answer for 12s: timeout
      read   no   no answer for 12s: timeout
      since start: 0 sessions; 0B up, 0B down; 7440 checks, 12 failed; 3 dials failed; down 2 times, 40s in all

LISTENER  ADDRESS       ROLE     JOINED  HELD  DIALING  STARTUP  READY
write     0.0.0.0:5000  primary  12      0     0        1        yes: takes sessions for pg1
    since start: 1215 came, at most 41 of 1000 at one time, 22 in a second, now 2, the last 400ms ago; 31 held, at most 31; 2.0GiB up, 8.0GiB down
    refused: 3 limit, 1 timeout; cut: 7 leader moved; 3 dials failed, 2 tried again
read      0.0.0.0:5001  replica  0       3     0        0        no: no replica qualifies
    waiting now: 3, the longest for 2.1s
    since start: 0 came; 0 held; 0B up, 0B down
`

t.test('status: gate and leader first, then source, members with their reasons, listeners', async t => {
  t.equal(renderStatus(status, plain), STATUS)
})

t.test('status: a closed gate says why and since when; a silent source and a stopping router stand out', async t => {
  const [demo] = status.clusters
  if (demo === undefined) throw new Error('no cluster')
  const closed: Status = {
    ...status,
    stopping: true,
    clusters: [
      {
        ...demo,
        scope: 'main',
        pause: true,
        gate: { kind: 'closed', why: 'pg1 answers in recovery', for: ms(3200) },
        source: { kind: 'etcd', endpoints: [], silentFor: ms(61_000), why: 'no endpoint answers', reconnects: 4 },
        members: [],
      },
    ],
  }
  const text = renderStatus(closed, plain)
  t.match(text, /^mekare 0\.1\.0 on gate1, up 3h 5min {2}STOPPING$/m)
  t.match(text, /^demo \(scope main\)$/m)
  t.match(text, /^ {2}gate +CLOSED for 3\.2s: pg1 answers in recovery$/m)
  t.match(text, /^ {2}source +etcd SILENT for 1min: no endpoint answers$/m)
  t.match(text, /^ {2}note +Patroni is paused$/m)
  t.match(text, /^ {2}no members are known$/m)
})

t.test('what a peer wrote cannot steer the terminal', async t => {
  const [demo] = status.clusters
  if (demo === undefined) throw new Error('no cluster')
  const evil = renderStatus({ ...status, clusters: [{ ...demo, leader: 'pg1\u001b]0;owned\u0007\n' }] }, plain)
  t.notMatch(evil.replaceAll('\n', ''), /\p{Cc}/u)
})
