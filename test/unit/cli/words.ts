// A status with something of everything in it, and the plain paint.

import { createPaint } from '../../../src/cli/paint.js'
import { bytes, ms } from '../../../src/units/units.js'
import { status as anyStatus, cluster, listener, member } from '../status-words.js'

export const plain = createPaint(false)

const not = (listen: string, why: string) => ({ listen, usable: false, share: 1, why })
const is = (listen: string, why: string) => ({ listen, usable: true, share: 1, why })
const replica = (name: string) => member(name, { timeline: 4, lag: bytes(0), check: check('replica') })
const check = (said: string) => ({ via: 'sql', said, took: ms(1), ago: ms(300) }) as const
const { totals } = member('pg1')

export const status = anyStatus({
  clusters: [
    cluster(
      [
        member('pg1', {
          role: 'primary',
          published: { role: 'primary', state: 'running' },
          timeline: 4,
          check: check('primary'),
          sessions: 12,
          mostSessions: 40,
          totals: { ...totals, joined: 1203, cut: 7, fromClient: bytes(2 ** 31), fromMember: bytes(2 ** 33) },
          pools: [is('write', 'is the primary'), not('read', 'is the primary')],
        }),
        {
          ...replica('pg2'),
          lag: bytes(21 * 2 ** 20),
          pools: [not('write', 'is not the primary (pg1 is)'), not('read', 'lag 21.0MiB is over maxLag 16.0MiB')],
        },
        {
          ...replica('pg3'),
          role: 'no answer',
          check: { ...check('no answer within 1s'), took: ms(1000) },
          healthy: false,
          health: 'no answer for 12s: timeout',
          drained: true,
          vanished: true,
          totals: { ...totals, checks: 7440, failedChecks: 12, failedDials: 3, downs: 2, downFor: ms(40_000) },
          pools: ['write', 'read'].map(listen => not(listen, 'no answer for 12s: timeout')),
        },
      ],
      {
        leader: 'pg1',
        timeline: 4,
        source: {
          kind: 'etcd',
          endpoints: [
            { name: '10.77.0.11:2379', state: 'in use' },
            { name: '10.77.0.12:2379', state: 'standing by' },
            { name: '10.77.0.13:2379', state: 'failed', why: 'ECONNREFUSED' },
          ],
          age: ms(300),
          reconnects: 1,
        },
        problems: ['members/pg9: not JSON'],
      },
    ),
  ],
  listeners: [
    listener('write', {
      sessions: { startup: 1, held: 0, dialing: 0, joined: 12 },
      most: { open: 41, held: 31, rate: 22 },
      rate: 2,
      lastAgo: ms(400),
      totals: {
        came: 1215,
        held: 31,
        ended: { client: 1180, cut_leader_moved: 7, refused_limit: 3, refused_timeout: 1 },
        failedDials: 3,
        retries: 2,
        fromClient: bytes(2 ** 31),
        fromMember: bytes(2 ** 33),
      },
    }),
    listener('read', {
      ready: false,
      why: 'no replica qualifies',
      sessions: { startup: 0, held: 3, dialing: 0, joined: 0 },
      waitingFor: ms(2100),
    }),
  ],
})
