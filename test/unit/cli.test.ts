// The command line: what arguments mean, and how answers look to a person.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { columns, fittingColumns, widthOf, wrap } from '../../src/cli/columns.js'
import { completionFor } from '../../src/cli/completion.js'
import { generateManPage } from '../../src/cli/man.js'

import { nearest } from '../../src/cli/nearest.js'
import { createPaint, wantsColour } from '../../src/cli/paint.js'
import { parse } from '../../src/cli/parse.js'
import { type Filter, pickSessions } from '../../src/cli/pick-sessions.js'
import { renderStatus } from '../../src/cli/render.js'
import { renderIncident, renderIncidents } from '../../src/cli/render-incidents.js'
import { renderSessions } from '../../src/cli/render-sessions.js'
import { ENTER, LEAVE, picture } from '../../src/cli/screen.js'
import { SHELLS, VERBS, type VerbSpec } from '../../src/cli/verbs.js'
import { type Heard, watchOnScreen } from '../../src/cli/watch.js'

import type { Incident } from '../../src/incidents/incident.js'
import type { SessionStatus, Status } from '../../src/pools/status.js'
import { bytes, epochMs, ms } from '../../src/units/units.js'
import { status as anyStatus, cluster, listener, member } from './status-words.js'

const plain = createPaint(false)
const none = { json: false, watch: false, exit: false, offline: false, release: false, wait: false, yes: false }

t.test('verbs, their argument and their flags', async t => {
  const cases: readonly (readonly [string, object])[] = [
    ['status', { verb: 'status', args: none, configFlags: [] }],
    ['status --json --watch', { verb: 'status', args: { ...none, json: true, watch: true }, configFlags: [] }],
    [
      'explain read --socket /tmp/x',
      { verb: 'explain', args: { ...none, socket: '/tmp/x', name: 'read' }, configFlags: [] },
    ],
    ['drain self', { verb: 'drain', args: { ...none, name: 'self' }, configFlags: [] }],
    ['drain pg3 --wait', { verb: 'drain', args: { ...none, name: 'pg3', wait: true }, configFlags: [] }],
    ['pause write', { verb: 'pause', args: { ...none, name: 'write' }, configFlags: [] }],
    ['restart', { verb: 'restart', args: none, configFlags: [] }],
    ['undrain 7', { verb: 'undrain', args: { ...none, name: '7' }, configFlags: [] }],
    [
      'incidents --config=/etc/m.yaml',
      { verb: 'incidents', args: { ...none, config: '/etc/m.yaml' }, configFlags: [] },
    ],
    ['incidents 3 --json', { verb: 'incidents', args: { ...none, json: true, name: '3' }, configFlags: [] }],
    ['demo --exit', { verb: 'demo', args: { ...none, exit: true }, configFlags: [] }],
  ]
  for (const [line, expected] of cases) t.strictSame(parse(line.split(' ')), { kind: 'verb', ...expected }, line)
})

t.test('sessions are found from the client to the backend and back', async t => {
  const one = (id: number, more: Partial<SessionStatus>): SessionStatus => ({
    ...{ id, listen: 'write', client: `10.0.0.7:${id}`, state: 'joined', for: ms(0), fromClient: bytes(0) },
    fromMember: bytes(0),
    ...more,
  })
  const all = [
    one(1, { member: 'pg1', backendClient: '10.0.0.5:41234' }),
    one(2, { member: 'pg2', backendClient: '[fd00::5]:41235', client: '[fd00::7]:9', listen: 'read' }),
    one(3, { state: 'held', via: '10.0.0.9:77' }),
  ]
  const found = (filter: Filter) => pickSessions(all, filter).map(({ id }) => id)
  t.strictSame(found({}), [1, 2, 3])
  for (const backend of ['41234', '10.0.0.5', '10.0.0.5:41234']) t.strictSame(found({ backend }), [1], backend)
  for (const client of ['fd00::7', '[fd00::7]', '[fd00::7]:9', 'fd00::7:9'])
    t.strictSame(found({ client }), [2], client)
  t.strictSame(found({ client: '10.0.0.7' }), [1, 3])
  t.strictSame(found({ client: '10.0.0.9' }), [3], 'by the balancer it came through')
  t.strictSame(found({ client: '10.0.0.7', member: 'pg1' }), [1])
  t.strictSame([found({ state: 'held' }), found({ listen: 'read' }), found({ backend: '1234' })], [[3], [2], []])
})

t.test('flags of the configuration go through as paths and texts, in order, repeated ones too', async t => {
  const line =
    'run --listen.write.address 0.0.0.0:6000 --config a.yaml --clusters.demo.etcd.hosts=http://a:2379 --clusters.demo.etcd.hosts http://b:2379 --relay.spin=a=b'
  t.strictSame(parse(line.split(' ')), {
    kind: 'verb',
    verb: 'run',
    args: { ...none, config: 'a.yaml' },
    configFlags: [
      ['listen.write.address', '0.0.0.0:6000'],
      ['clusters.demo.etcd.hosts', 'http://a:2379'],
      ['clusters.demo.etcd.hosts', 'http://b:2379'],
      ['relay.spin', 'a=b'],
    ],
  })
})

t.test('what is wrong is said, with the remedy', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'say what to do'],
    ['statsu', 'no verb is named statsu; did you mean status?'],
    ['frobnicate', `no verb is named frobnicate; there are: ${Object.keys(VERBS).join(', ')}`],
    ['toString', `no verb is named toString; there are: ${Object.keys(VERBS).join(', ')}`],
    ['status --jsno', 'mekare status has no flag --jsno; did you mean --json?'],
    ['run --jon=x', 'mekare run has no flag --jon'],
    ['status --__proto__ x', 'mekare status has no flag --___proto___'],
    ['status now', 'mekare status takes no argument, but got now'],
    ['explain', 'mekare explain needs a listener: mekare explain LISTENER'],
    ['incidents many', 'mekare incidents: the count must be a number from 1 to 9999, but is many'],
    ['incidents 3 4', 'mekare incidents takes one count, but got 4 too'],
    ['explain a b', 'mekare explain takes one listener, but got b too'],
    ['--json status', 'the verb comes first, before --json'],
    ['status --socket', 'mekare status: Not enough arguments following: socket'],
    ['status --socket a --socket b', 'mekare status: --socket is given more than once'],
    ['run --listen.write.address', '--listen.write.address needs a value: --listen.write.address VALUE'],
    ['run --a.b --c.d x', '--a.b needs a value: --a.b VALUE'],
    [
      'status --admin.socket x',
      'mekare status takes no configuration; it asks a running router: leave --admin.socket out, or use --socket',
    ],
  ]
  for (const [line, why] of cases) t.strictSame(parse(line.split(' ').filter(Boolean)), { kind: 'usage', why }, line)
})

t.test('a secret is no flag, and what was given is not repeated', async t => {
  const parsed = parse(['run', '--clusters.demo.probe.password', 'hunter2'])
  t.equal(parsed.kind, 'usage')
  t.notMatch(JSON.stringify(parsed), /hunter2/)
  t.match(parsed, { why: /passwordFile or the variable MEKARE_CLUSTERS__DEMO__PROBE__PASSWORD$/ })
  t.equal(parse(['run', '--clusters.demo.probe.passwordFile', '/etc/pw']).kind, 'verb')
})

t.test('help lists every verb; each has its own with an example', async t => {
  const all = parse(['--help'])
  t.equal(all.kind, 'help')
  for (const verb of Object.keys(VERBS)) {
    t.match(all, { text: new RegExp(`^ {2}${verb} `, 'm') })
    const help = parse([verb, '--help'])
    t.match(help, { kind: 'help', text: /^Examples:/m }, verb)
    t.match(help, { text: new RegExp(`mekare ${verb}`) })
    t.strictSame(parse(['help', verb]), help)
  }
  t.strictSame(parse(['--version']), { kind: 'version' })
})

t.test('the manual page is as the table of verbs has it', async t => {
  const committed = readFileSync(new URL('../../../doc/mekare.1', import.meta.url), 'utf8')
  t.equal(committed, generateManPage(), 'write it anew with node dist/src/cli/generate.js')
  for (const [name, spec] of Object.entries<VerbSpec>(VERBS)) {
    t.match(committed, new RegExp(`^\\.SS ${name}$`, 'm'))
    for (const flag of Object.keys(spec.flags))
      t.match(committed, `\\-\\-${flag.replaceAll('-', '\\-')}`, `${name} --${flag}`)
  }
})

t.test('completion knows every verb, its flags, and keys of the configuration where they are taken', async t => {
  for (const shell of SHELLS) {
    t.match(parse(['completion', shell]), { kind: 'verb', verb: 'completion', args: { name: shell } })
    const text = completionFor(shell)
    for (const [name, spec] of Object.entries<VerbSpec>(VERBS)) {
      t.match(text, name)
      for (const flag of Object.keys(spec.flags)) t.match(text, flag, `${shell}: ${name} --${flag}`)
    }
    t.match(text, 'listen.write.address')
    t.notMatch(text, /password(?!File)/i, 'secrets are no flags')
  }
  t.match(parse(['completion', 'tcsh']), {
    kind: 'usage',
    why: 'mekare completion: the shell must be bash, zsh, fish, but is tcsh',
  })
})

t.test('a flag that may be given more than once keeps its order; the others may not', async t => {
  const parsed = parse(['import', '--haproxy', 'a', '--keepalived', 'k', '--haproxy', 'b', '--config-id', 'x'])
  t.match(parsed, { args: { haproxy: ['a', 'b'], keepalived: ['k'], 'config-id': 'x' } })
  t.match(parse(['import', '--config-id', 'a', '--config-id', 'b']), { kind: 'usage', why: /more than once/ })
})

t.test('the word meant is the nearest, if it is near', async t => {
  t.equal(nearest('undrian', ['drain', 'undrain']), 'undrain')
  t.equal(nearest('xyzzy', ['drain', 'undrain']), undefined)
})

t.test('colour only on a terminal and without NO_COLOR; it takes no room', async t => {
  t.equal(wantsColour(true, {}), true)
  t.equal(wantsColour(false, {}), false)
  t.equal(wantsColour(true, { NO_COLOR: '1' }), false)
  t.equal(wantsColour(true, { TERM: 'dumb' }), false)
  const rows = columns([
    [createPaint(true).bad('ab'), 'c'],
    ['abc', 'd'],
  ])
  t.strictSame(rows, ['\u001b[31mab\u001b[39m   c', 'abc  d'])
})

const not = (listen: string, why: string) => ({ listen, usable: false, share: 1, why })
const is = (listen: string, why: string) => ({ listen, usable: true, share: 1, why })
const replica = (name: string) => member(name, { timeline: 4, lag: bytes(0), check: check('replica') })
const check = (said: string) => ({ via: 'sql', said, took: ms(1), ago: ms(300) }) as const
const { totals } = member('pg1')

const status = anyStatus({
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

t.test('status: gate and leader first, then source, members with their reasons, listeners', async t => {
  t.equal(renderStatus(status, plain), STATUS)
})

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

t.test('in a narrow terminal tables go without what can be spared, and nothing else is lost', async t => {
  const rows = [
    ['NAME', 'LONG COLUMN', 'N', 'WHY'],
    ['pg1', 'can be spared', '1', 'because'],
  ]
  const fitted = (width: number) => fittingColumns(rows, { width, spare: [1, 2] })
  t.strictSame(fitted(80)[1], 'pg1   can be spared  1  because')
  t.strictSame(fitted(20)[1], 'pg1   1  because')
  t.strictSame(fitted(13)[1], 'pg1   because')
  t.strictSame(fitted(5)[1], 'pg1   because', 'what is left stays')
  const narrow = renderStatus(status, plain, 80).split('\n')
  t.match(
    narrow.find(line => line.includes('MEMBER')),
    /MEMBER +NOW +LAG +SESSIONS +HEALTH/,
  )
  const why = renderStatus(status, plain, 80).includes('lag 21.0MiB is over maxLag 16.0MiB')
  t.ok(why, 'reasons stay')
})

t.test('a line too long is broken at blanks, its colours kept, its rest further in', async t => {
  t.strictSame(wrap('  short', 10), ['  short'])
  t.strictSame(wrap('  read   no   lag is over maxLag', 20), ['  read   no   lag is', '      over maxLag'])
  const red = createPaint(true).bad('CLOSED')
  t.strictSame(wrap(`gate ${red} because`, 12), [`gate ${red}`, '    because'])
  t.strictSame(wrap('abcdefghijkl', 8), ['abcd', '    efgh', '    ijkl'])
  t.ok(wrap('word '.repeat(50), 30).every(line => widthOf(line) <= 30))
})

t.test('a screen is written over in place, and says when it has no room', async t => {
  const shown = picture('a\nb\n', { columns: 80, rows: 24 })
  t.notMatch(shown, '\u001b[2J', 'nothing is cleared first')
  t.match(shown, '\u001b[Ha\u001b[K\r\nb\u001b[K\u001b[J')
  const small = picture('1\n2\n3\n4', { columns: 80, rows: 3 })
  t.match(small, /1.*\n2.*\n… 2 more lines/s)
  t.equal(small.split('\n').length, 3)
})

/** Plays answers to a watch; gives what was written between entering and leaving, and whether the terminal was given back. */
async function watched(answers: readonly Heard[], columns = 100) {
  const written: string[] = []
  const left = [...answers]
  let [stop, given] = [() => {}, false]
  const terminal = {
    size: () => ({ columns, rows: 60 }),
    take(told: { readonly resized: () => void; readonly stop: () => void }) {
      stop = told.stop
      return () => {
        given = true
      }
    },
  }
  const ask = async () => left.shift() ?? Promise.reject(new Error('asked too often'))
  const out = (text: string) => {
    written.push(text)
    if (text !== ENTER && left.length === 0) stop()
  }
  const code = await watchOnScreen(terminal, out, { ask, paint: plain, now: () => ms(0) }).catch(error => error.message)
  return { code, written, given }
}

t.test('status --watch shows the primary first, on a screen of its own, and gives the terminal back', async t => {
  const { code, written, given } = await watched([{ ok: true, status: { ...status, clusters: moved(status) } }])
  t.equal(code, 0)
  t.equal(given, true)
  t.equal(written[0], ENTER)
  t.equal(written.at(-1), LEAVE)
  t.match(written[1], /q ends.*gate +OPEN to pg1.*\n {2}pg1 .*\n {2}pg2 .*\n {2}pg3 /s)
})

/** The primary told last. */
const moved = ({ clusters }: Status) => clusters.map(one => ({ ...one, members: one.members.toReversed() }))

t.test('status --watch says that a router is away; a screen that fails is given back too', async t => {
  const away = await watched([{ ok: false, why: 'nobody listens' }])
  t.match(away.written[1], /nobody listens/)
  const broken = await watched([])
  t.equal(broken.code, 'asked too often')
  t.equal(broken.given, true)
  t.equal(broken.written.at(-1), LEAVE)
})

t.test('what a peer wrote cannot steer the terminal', async t => {
  const [demo] = status.clusters
  if (demo === undefined) throw new Error('no cluster')
  const evil = renderStatus({ ...status, clusters: [{ ...demo, leader: 'pg1\u001b]0;owned\u0007\n' }] }, plain)
  t.notMatch(evil.replaceAll('\n', ''), /\p{Cc}/u)
})

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
  cut: 5,
  refused: 0,
  waited: true,
  lasted: ms(1410),
}

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

const INCIDENT = `incident 3  demo: pg1 → pg2, took 1.410s: Patroni 1.379s, mekare 0.031s
  2026-02-03T03:04:05.678Z  a switchover was asked for (failover key: pg1 → pg2)
  +0.000s  first sign                 0.000s  |
  +0.001s  gate closed                0.001s  |
  +1.300s  leader key names pg2       1.299s  =====================================|
  +1.380s  pg2 asked: no primary yet  0.080s                                       ==|
  +1.400s  pg2 confirms, gate open    0.020s                                         #|
  +1.410s  first write let through    0.010s                                          |
  sessions: 12 held, 5 cut, 0 refused; # mekare, = Patroni
`

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
