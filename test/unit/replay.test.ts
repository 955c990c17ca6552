// The verdicts of the demo's replay and how they are shown: what is wrong is never called good, what is left out is said aloud.

import t from 'tap'
import type { Status } from '../../src/pools/status.js'
import { sumUp } from '../lab/journal.js'
import { paid } from '../lab/replay/clients.js'
import { type FirstState, judgeHolder, judgeState, plain } from '../lab/replay/first.js'
import { readOptions } from '../lab/replay/options.js'
import { allGood, notReached } from '../lab/replay/play.js'
import { conclusion, findingLines, resultTable, toJson } from '../lab/replay/show.js'
import type { Result, Verdict } from '../lab/replay/step.js'
import { columns, createScreen, wrapped } from '../lab/screen.js'

const ok = (at: number) => ({ t: at, s: 0, e: 'ok', sent: at, member: '10.77.0.21' }) as const
const failed = (at: number, phase: 'connect' | 'query', code: string, text: string) =>
  ({ t: at, s: 0, e: 'error', phase, code, text }) as const
const ALLOWED = { gap: 5000, broken: 1, connects: 0 }

t.test('the command line of the demo', async t => {
  const whole = { exit: false, json: false, pooler: false, network: 'auto' }
  t.strictSame(readOptions([]), whole)
  t.strictSame(readOptions(['--pooler', '--network=loopback']), { ...whole, pooler: true, network: 'loopback' })
  t.strictSame(readOptions(['--json']), { ...whole, json: true, exit: true }, 'a document ends')
  t.equal(readOptions(['-h']), 'help')
  for (const odd of [['--quick'], ['--network', 'wifi'], ['pooler']])
    t.equal(readOptions(odd), undefined, odd.join(' '))
})

t.test('what a client paid is judged by what it may pay', async t => {
  const broke = failed(110, 'query', '57P01', 'terminating connection')
  const fair = paid('the writer', sumUp([ok(100), broke, ok(1400)]), ALLOWED)
  t.strictSame(fair, {
    by: 'the writer',
    saw: 'longest wait 1,300 ms, 1 session broke: 57P01 terminating connection',
    good: true,
    ms: 1300,
  })
  const judge = (...between: Parameters<typeof sumUp>[0]) =>
    paid('w', sumUp([ok(100), ...between, ok(1400)]), ALLOWED).good
  t.notOk(judge(failed(110, 'query', '25006', 'read-only transaction')), 'a read-only transaction is never allowed')
  t.notOk(judge(broke, broke), 'two broken sessions')
  t.notOk(judge(failed(110, 'connect', 'ECONNREFUSED', 'connect ECONNREFUSED')), 'a failed connect')
  t.notOk(paid('w', sumUp([ok(100), ok(6000)]), ALLOWED).good, 'too long a wait')
  t.notOk(paid('w', sumUp([]), ALLOWED).good, 'no answer at all')
  const twice = sumUp([ok(1), ...[2, 3].map(at => failed(at, 'query', 'ECONNRESET', 'read ECONNRESET')), ok(4)])
  t.match(paid('w', twice, ALLOWED).saw, /2 sessions broke: 2 × read ECONNRESET$/, 'a code is said once')
})

const member = (name: string, role: string, streaming: readonly string[] = []) => ({
  ...{ name, role, state: 'running', timeline: 1, streaming },
})

/** The document of a proxy that sees pg1 lead and pg2 follow, and one etcd. */
const status = (gate: string, roles: readonly string[] = ['primary', 'replica'], poolers: readonly boolean[] = []) =>
  ({
    clusters: [
      {
        leader: 'pg1',
        gate: { kind: 'open', member: gate },
        members: roles.map((role, i) => ({
          name: `pg${i + 1}`,
          role,
          ...(poolers[i] === undefined ? {} : { pooler: { healthy: poolers[i] } }),
          pools: [
            { listen: 'write', usable: role === 'primary' },
            { listen: 'read', usable: role === 'replica' },
          ],
        })),
        source: { endpoints: [{ state: 'in use' }] },
      },
    ],
  }) as unknown as Status

const GOOD: FirstState = {
  leader: 'pg1',
  members: [member('pg1', 'primary', ['pg2']), member('pg2', 'replica')],
  etcd: { healthy: 1, all: 1 },
  write: { member: 'pg1', recovery: false },
  read: { member: 'pg2', recovery: true },
  told: [{ proxy: 'proxy1', status: status('pg1'), same: true }],
  pooled: false,
}

t.test('the first state is good when everybody says the same, and not else', async t => {
  const good = (change: Partial<FirstState>) => judgeState({ ...GOOD, ...change }).every(finding => finding.good)
  t.ok(good({}))
  t.match(judgeState(GOOD).at(-1)?.saw, 'proxy1: gate open to pg1, reads from pg2, 1 of 1 etcd; /status agrees')
  t.notOk(good({ etcd: { healthy: 0, all: 1 } }))
  t.notOk(good({ leader: undefined }))
  t.notOk(good({ members: [member('pg1', 'primary'), member('pg2', 'replica')] }), 'nobody streams')
  t.notOk(good({ write: { member: 'pg1', recovery: true } }))
  t.notOk(good({ read: { member: 'pg1', recovery: false } }))
  t.notOk(good({ read: 'FATAL: no' }))
  const told = (doc: Status, same = true) => good({ told: [{ proxy: 'proxy1', status: doc, same }] })
  const both = ['primary', 'replica']
  const pooled = (...poolers: readonly boolean[]) =>
    good({ pooled: true, told: [{ proxy: 'proxy1', status: status('pg1', both, poolers), same: true }] })
  t.ok(pooled(true, true))
  t.notOk(pooled(true, false), 'a pooler that does not answer')
  t.notOk(pooled(), 'none is known')
  t.notOk(told(status('pg2')), 'a gate open to another')
  t.notOk(told(status('pg1', ['primary', 'primary'])), 'another role than the member says')
  t.notOk(told(status('pg1'), false), 'another document at /status')
})

t.test('two documents are the same when they differ in times, sizes and counts alone', async t => {
  const document = (leader: string, age: number, health: string) => plain(JSON.stringify({ leader, age, health }))
  const one = document('pg1', 247, 'healthy for 59s, 0B behind')
  t.equal(one, document('pg1', 1, 'healthy for 1min 2s, 1.5KiB behind'))
  t.not(one, document('pg2', 247, 'healthy for 59s, 0B behind'))
  t.not(one, document('pg1', 247, 'no answer for 59s, 0B behind'))
})

t.test('the floating address has one holder, the wanted one, and its sidecar is the master', async t => {
  const good = (holders: readonly string[], roles: Record<string, string>) =>
    judgeHolder({ wanted: 'proxy1', holders, roles }).every(finding => finding.good)
  const roles = { proxy1: 'master', proxy2: 'backup' }
  t.ok(good(['proxy1'], roles))
  t.notOk(good(['proxy1', 'proxy2'], roles))
  t.notOk(good([], roles))
  t.notOk(good(['proxy1'], { ...roles, proxy2: 'master' }))
})

const result = (number: number, verdict: Verdict): Result => ({
  ...{ number, title: `step ${number}`, verdict, seconds: 1.25, findings: [{ by: 'psql', saw: 'it', good: true }] },
  ...(verdict === 'left out' ? { why: 'no root' } : {}),
})

t.test('what is left out is said in the table, in the JSON and in a line; what is not reached is not good', async t => {
  const screen = createScreen({ isTTY: false } as NodeJS.WriteStream)
  const some = [result(1, 'good'), result(2, 'left out'), result(3, 'good')]
  t.strictSame(conclusion(some), { good: true, lines: ['2 of 3 steps are good', 'LEFT OUT: step 2: no root'] })
  t.match(resultTable(some, screen)[2], /^ +2 +step 2 +LEFT OUT$/)
  t.match(findingLines(some[1] as Result, screen).at(-1), /^ +no root$/)
  const document = JSON.parse(toJson('loopback', some, 2500))
  t.match(document, { good: true, seconds: 2.5, leftOut: [{ number: 2, why: 'no root' }] })
  t.ok(allGood(some))
  for (const verdict of ['bad', 'not reached'] as const) {
    t.notOk(allGood([...some, result(4, verdict)]), verdict)
    t.strictSame(conclusion([...some, result(4, verdict)]).lines[0], 'not good: step 4')
  }
  t.notOk(allGood(notReached('the stand did not come up')))
})

t.test('columns know that colours take no room; a long text is broken between words', async t => {
  t.strictSame(
    columns(
      [
        ['a', 'b', 'c'],
        ['\x1b[1mlong\x1b[0m', '1', 'd'],
      ],
      [1],
    ),
    ['  a      b   c', '  \x1b[1mlong\x1b[0m   1   d'],
  )
  t.strictSame(wrapped('one two three', 8), ['one two', 'three'])
  t.strictSame(wrapped('unbreakable word', 3), ['unbreakable', 'word'])
  t.strictSame(wrapped('as it is', Number.POSITIVE_INFINITY), ['as it is'])
})
