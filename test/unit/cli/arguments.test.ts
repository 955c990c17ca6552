// What arguments mean, and what is said of wrong ones; help, manual page and completion.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { completionFor } from '../../../src/cli/completion.js'
import { generateManPage } from '../../../src/cli/man.js'
import { nearest } from '../../../src/cli/nearest.js'
import { parse } from '../../../src/cli/parse.js'
import { type Filter, pickSessions } from '../../../src/cli/pick-sessions.js'
import { SHELLS, VERBS, type VerbSpec } from '../../../src/cli/verbs.js'
import type { SessionStatus } from '../../../src/pools/status.js'
import { bytes, ms } from '../../../src/units/units.js'

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
    ['sessions --state idle', 'mekare sessions: --state must be startup, held, dialing or joined, but is idle'],
    [
      'sessions --cut all',
      'mekare sessions: --cut must be the ID of a session, a number that mekare sessions shows, but is all',
    ],
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
  const committed = readFileSync(new URL('../../../../doc/mekare.1', import.meta.url), 'utf8')
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
