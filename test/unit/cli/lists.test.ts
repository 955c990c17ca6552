// How incidents and sessions look to a person.

import t from 'tap'
import { renderIncident, renderIncidents } from '../../../src/cli/render-incidents.js'
import { renderSessions } from '../../../src/cli/render-sessions.js'
import type { Incident } from '../../../src/incidents/incident.js'
import type { SessionStatus } from '../../../src/pools/status.js'
import { bytes, epochMs, ms } from '../../../src/units/units.js'
import { plain } from './words.js'

const incident: Incident = {
  number: 3,
  cluster: 'demo',
  startedAt: epochMs(Date.UTC(2026, 1, 3, 3, 4, 5, 678)),
  cause: 'switchover',
  sign: 'failover key: pg1 → pg2',
  from: 'pg1',
  to: 'pg2',
  moments: {
    first_sign: ms(0),
    gate_closed: ms(1),
    key_moved: ms(1300),
    last_no: ms(1380),
    confirmed: ms(1400),
    first_write: ms(1410),
  },
  held: 12,
  lost: 0,
  cut: 5,
  refused: 0,
  waited: true,
  lasted: ms(1410),
}

const INCIDENT = `incident 3  demo: pg1 → pg2, took 1.410s: Patroni 1.379s, mekare 0.031s
  2026-02-03T03:04:05.678Z  a switchover was asked for (failover key: pg1 → pg2)
  +0.000s  first sign                 0.000s  |
  +0.001s  gate closed                0.001s  |
  +1.300s  leader key names pg2       1.299s  =====================================|
  +1.380s  pg2 asked: no primary yet  0.080s                                       ==|
  +1.400s  pg2 confirms, gate open    0.020s                                         #|
  +1.410s  first write let through    0.010s                                          |
  sessions: 12 held, 0 lost with pg1, 5 cut, 0 refused; # mekare, = Patroni
`

t.test('an incident is a timeline that says why it began and whose time each phase was', async t => {
  t.equal(renderIncident(incident, plain), INCIDENT)
  const { lasted: _lasted, to: _to, ...open } = incident
  t.match(renderIncident({ ...open, moments: {} }, plain), /^incident 3 {2}demo: pg1 → no leader yet, UNDER WAY$/m)
  const idle = {
    ...incident,
    waited: false,
    lasted: ms(80_000),
    moments: { ...incident.moments, first_write: ms(80_000) },
  }
  t.match(renderIncident(idle, plain), /took 1min: Patroni 1\.379s, mekare 0\.021s, nobody waited 1min$/m)
  t.match(renderIncident(idle, plain), /^ {4}\+1min {2}first write let through +1min {3}\.{39}\|$/m)
  t.match(
    renderIncident({ ...incident, interrupted: true }, plain),
    /mekare 0\.031s; this router ended before it did$/m,
  )
})

t.test('of many incidents the last ones are shown, the latest last, and how to see the others', async t => {
  t.equal(renderIncidents([], 10, plain), 'no leader change is on record\n')
  t.equal(renderIncidents([incident, incident], 2, plain), `${INCIDENT}\n${INCIDENT}`)
  const many = [1, 2, 3].map(number => ({ ...incident, number }))
  t.match(renderIncidents(many, 1, plain), /^2 older: mekare incidents 3\n\nincident 3 /)
})

t.test('sessions are rows, the longest open first', async t => {
  const one: SessionStatus = {
    id: 7,
    listen: 'write',
    client: '10.0.0.7:41234',
    state: 'joined',
    member: 'pg1',
    backendClient: '10.77.0.31:50112',
    for: ms(500),
    connectTook: ms(12),
    fromClient: bytes(10),
    fromMember: bytes(2048),
  }
  const waiting: SessionStatus = { ...one, id: 8, state: 'held', for: ms(4000), client: 'unix' }
  const { member: _m, backendClient: _b, connectTook: _c, ...held } = waiting
  t.equal(
    renderSessions([one, held], plain),
    `ID  LISTENER  CLIENT          STATE   MEMBER  SEEN THERE AS     FOR    FIRST BYTE  UP   DOWN
8   write     unix            held    -       -                 4s     -           10B  2.0KiB
7   write     10.0.0.7:41234  joined  pg1     10.77.0.31:50112  500ms  12ms        10B  2.0KiB
`,
  )
  t.equal(renderSessions([], plain), 'no such session is open\n')
})
