// What the dashboard knows and draws, without a browser; and that the page as built is small and names all it may load.

import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { loadPage } from '../../src/admin/page.js'
import { draw, HEIGHT, WIDTH } from '../../src/dashboard/draw.js'
import { mattersOf, throughWords } from '../../src/dashboard/matters.js'
import { type Line, MOST_LINES, nothingSeen, type Seen, staleness, take } from '../../src/dashboard/state.js'
import { isOutdated, type Kept } from '../../src/dashboard/version.js'
import { countWords, rateWords, timeWords } from '../../src/dashboard/words.js'
import { EVERY, KEPT, record, seriesOf } from '../../src/history/history.js'
import { epochMs, ms } from '../../src/units/units.js'
import { cluster, listener, member, status } from './status-words.js'

const line = (n: number, at = n): Line => ({ id: `a-${n}`, at, level: 'info', message: `m${n}`, fields: {} })
const at = (step: number) => status({ at: epochMs(1_800_000_000_000 + step * EVERY), listeners: [listener('write')] })
const hear = (seen: Seen, step: number) => take(seen, { kind: 'status', status: at(step), now: step * EVERY })
const idle = { startup: 0, held: 0, dialing: 0, joined: 0 } as const
const names = ({ lines }: Seen) => lines.map(({ message }) => message)

t.test('lines come once each, in their order, whatever a new connection repeats', async t => {
  const lines = [line(1), line(3), line(2), line(3), line(1)]
  const seen = lines.reduce((seen, line) => take(seen, { kind: 'line', line }), nothingSeen)
  t.strictSame(names(seen), ['m1', 'm2', 'm3'])
})

t.test('a page that stays open for a day keeps no more than it shows', async t => {
  let seen = nothingSeen
  for (let step = 0; step < 43_200; step++) {
    seen = hear(seen, step)
    if (step % 10 === 0) seen = take(seen, { kind: 'line', line: line(step) })
  }
  t.equal(seen.lines.length, MOST_LINES)
  t.ok(Object.values(seen.history.series).every(({ length }) => length === KEPT))
  t.ok(JSON.stringify(seen).length < 200_000, `${JSON.stringify(seen).length} characters`)
})

t.test('a page is stale when it is told so, or when nothing has come for five seconds', async t => {
  t.equal(staleness(nothingSeen, 99), undefined, 'nothing shown is not old')
  const seen = hear(nothingSeen, 0)
  t.equal(staleness(seen, 4999), undefined)
  t.match(staleness(seen, 5001), { since: 0, why: 'the connection stands, but nothing comes' })
  const lost = take(seen, { kind: 'lost', why: 'refused' })
  t.strictSame(staleness(lost, 1), { since: 0, why: 'refused' })
  t.equal(staleness(hear(lost, 1), EVERY), undefined, 'and live again with the next word')
})

t.test('of two histories the one that knows more is drawn', async t => {
  const own = [0, 1, 2].reduce(hear, nothingSeen)
  const young = record(nothingSeen.history, at(3))
  t.equal(take(own, { kind: 'history', history: young }).history, own.history, 'the router was restarted')
  const full = [0, 1, 2, 3].map(at).reduce(record, nothingSeen.history)
  t.equal(take(own, { kind: 'history', history: full }).history, full, 'the page was away')
  t.equal(own.history.series[seriesOf.open('write')]?.length, 3)
})

t.test('a series is drawn from the right, against its own maximum, with its gaps', async t => {
  t.strictSame(draw([], 300), { path: '', area: '', most: 0, last: undefined })
  const { path, most, last } = draw([0, 10, null, 5], 5)
  t.equal(path, `M25,${HEIGHT - 1.5}L50,1.5M100,12h0.01`)
  t.strictSame([most, last], [10, 5])
  t.match(draw([1, 2], 2).area, new RegExp(`^M0,${HEIGHT}L0,.*L${WIDTH},${HEIGHT}Z$`))
  t.equal(draw([0, 0], 2).path, `M0,${HEIGHT - 1.5}L${WIDTH},${HEIGHT - 1.5}`, 'nothing but zeros lies at the bottom')
  t.equal(draw([7, null], 2).last, undefined)
})

t.test('times have their date where it is another day; counts and rates are short', async t => {
  const noon = new Date(2026, 1, 3, 12, 4, 5).getTime()
  t.equal(timeWords(noon, noon + 1000), '12:04:05')
  t.equal(timeWords(noon, noon + 86_400_000), '2026-02-03 12:04:05')
  t.strictSame([0, 999, 51_234].map(countWords), ['0', '999', '51,234'])
  t.strictSame([0, 0.5, 2.34, 22.4, 1500].map(rateWords), ['0/s', '0.5/s', '2.3/s', '22/s', '1,500/s'])
})

const BUILT = new URL('../../src/dashboard/index.html', import.meta.url)

t.test('the page is at most 100 KB compressed, and whole in itself', async t => {
  const html = readFileSync(BUILT, 'utf8')
  const size = gzipSync(html, { level: 9 }).length
  t.ok(size > 10_000 && size <= 100_000, `${size} bytes`)
  const [head = ''] = html.split('<script')
  const loads = [...html.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, to = '']) => to)
  t.strictSame(
    loads.filter(to => !to.startsWith('data:')),
    ['status', 'incidents'],
    'it links to nothing but data of the router itself',
  )
  t.notMatch(head, /@import|url\(/)
})

t.test('the page is served with a policy that names its one script and its one style', async t => {
  const page = loadPage(BUILT)
  const plain = page({})
  const { etag = '', 'content-security-policy': policy } = plain.headers ?? {}
  t.match(
    policy,
    /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  )
  t.equal(plain.body.length, readFileSync(BUILT).length)
  t.match(page({ 'accept-encoding': 'gzip, br' }), { status: 200, headers: { 'content-encoding': 'gzip', etag } })
  t.match(page({ 'if-none-match': etag }), { status: 304, body: '' })
  const missing = loadPage(new URL('no-such-file', BUILT))({})
  t.match(missing, { status: 503, body: /npm run build makes it/ })
})

t.test('a page of another version than its router is loaded anew, once', async t => {
  const kept = new Map<string, string>()
  const storage: Kept = { getItem: key => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) }
  const hears = (own: string | undefined, told: string, now: number) => isOutdated(own, told, storage, now)
  t.notOk(hears('1.0.0', '1.0.0', 0))
  t.notOk(hears(undefined, '1.0.0', 0), 'a page that does not know what it is of')
  t.ok(hears('1.0.0', '1.1.0', 0))
  t.notOk(hears('1.1.0', '1.1.0', 500))
  t.notOk(hears('1.0.0', '1.1.0', 1000), 'it was the old page again: no loop')
  t.ok(hears('1.1.0', '1.0.0', 2000), 'back to the version before')
  t.notOk(hears('1.1.0', '1.0.0', 3000), 'two routers behind one balancer: no loop')
  t.ok(hears('1.0.0', '1.1.0', 3_600_001))
  const refuses = () => {
    throw new Error('SecurityError')
  }
  t.notOk(isOutdated('1.0.0', '1.1.0', { getItem: refuses, setItem: refuses }, 0), 'nothing can be kept')
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  t.ok(
    readFileSync(BUILT, 'utf8').includes(`<html lang="en" data-version="${version}">`),
    'the page says what it is of',
  )
})

t.test('what is wrong comes first, the worst before the odd; what lets clients through is said beside it', async t => {
  const well = status({ listeners: [listener('write', { why: 'takes sessions for pg1' })] })
  t.strictSame(mattersOf(well), [])
  t.strictSame(throughWords(well), ['write takes sessions for pg1'])
  const trouble = status({
    drained: ms(2000),
    predecessor: { pid: 7, sessions: 1, left: ms(9000) },
    vrrp: [{ name: 'pg' }],
    listeners: [
      listener('write', { ready: false, why: 'has no primary', waitingFor: ms(43), sessions: { ...idle, held: 6 } }),
      listener('read', { ready: false, why: 'paused', paused: ms(12_000) }),
    ],
    clusters: [
      cluster([member('pg1', { healthy: false, health: 'no answer for 2s' }), member('pg2', { drained: true })], {
        pause: true,
        source: {
          kind: 'etcd',
          endpoints: [{ name: 'e1', state: 'failed', why: 'ECONNREFUSED' }],
          reconnects: 0,
        },
      }),
    ],
  })
  t.strictSame(
    mattersOf(trouble).map(({ tone, what, why }) => `${tone} ${what}: ${why}`),
    [
      'bad floating address pg: no sidecar is connected',
      'bad write lets nobody through: has no primary; waiting: 6, the longest for 43ms',
      'bad pg1: no answer for 2s',
      'odd this router is drained: by an operator for 2s',
      'odd process 7 before this one: 1 session left, for 9s at most',
      'odd read is paused: by an operator for 12s: everyone new waits',
      'odd pg2: drained by an operator',
      'odd etcd e1: ECONNREFUSED',
      'odd Patroni is paused: it changes no leader by itself',
    ],
  )
  t.strictSame(throughWords(trouble), [])
})
