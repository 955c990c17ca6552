// Health, lag and Patroni's words: what evidence makes of a member.

import fc from 'fast-check'
import t from 'tap'
import type { Answer, DialOutcome, ProbeOutcome, Unasked } from '../../src/health/answer.js'
import { type Health, healthWords, onDial, onProbe, slowStartShare, unknownHealth } from '../../src/health/health.js'
import { type LagInput, lagOf } from '../../src/health/lag.js'
import { answerFromPatroni } from '../../src/health/patroni.js'
import { lsn, type Ms, ms } from '../../src/units/units.js'

const RULES = { rise: 2, fall: 2 }
const PRIMARY: Answer = { kind: 'primary', lsn: lsn(1000) }
const RECOVERY: Answer = { kind: 'recovery', replayLsn: lsn(900) }
const could = (reason: Unasked): Answer => ({ kind: 'unasked', reason, why: `10.0.0.1:5432: ${reason}` })

const probe = (at: number, answer: Answer): ProbeOutcome => ({
  member: 'pg1',
  via: 'sql',
  askedAt: ms(at),
  answeredAt: ms(at),
  answer,
})
const dial = (at: number, ok: boolean, reason?: Unasked): DialOutcome => ({
  member: 'pg1',
  at: ms(at),
  ok,
  took: ms(1),
  ...(reason === undefined ? {} : { reason, why: `10.0.0.1:5432: ${reason}` }),
})

/** Answers told one second apart, the first at 1 s. */
const after = (...answers: Answer[]): Health =>
  answers.reduce((health, answer, i) => onProbe(health, probe((i + 1) * 1000, answer), RULES), unknownHealth(ms(0)))

t.test('of a member that is well, a dial that went well is no news', async t => {
  const well = onDial(unknownHealth(ms(0)), dial(1, true), RULES)
  t.equal(well.up, true)
  t.equal(onDial(well, dial(2, true), RULES), well)
  const shaken = onDial(well, dial(3, false, 'refused'), RULES)
  t.strictSame(onDial(shaken, dial(4, true), RULES), well)
})

t.test('health', async t => {
  t.test('the first answer decides at once', async t => {
    t.equal(after().up, 'unknown')
    t.match(after(PRIMARY), { up: true, since: 1000 })
    t.match(after(RECOVERY), { up: true })
    t.match(after(could('refused')), { up: false, since: 1000, why: /refused/ })
    t.equal(onDial(unknownHealth(ms(0)), dial(5, false, 'timeout'), RULES).up, false)
    t.equal(onDial(unknownHealth(ms(0)), dial(5, true), RULES).up, true)
  })

  t.test('afterwards it takes `fall` failures in a row to go down and `rise` successes to come back', async t => {
    t.equal(after(PRIMARY, could('timeout')).up, true)
    t.equal(after(PRIMARY, could('timeout'), PRIMARY, could('timeout')).up, true)
    const down = after(PRIMARY, could('timeout'), could('starting'))
    t.match(down, { up: false, since: 3000, why: /starting/ })
    t.equal(onProbe(down, probe(4000, PRIMARY), RULES).up, false)
    const back = after(PRIMARY, could('timeout'), could('timeout'), RECOVERY, RECOVERY)
    t.match(back, { up: true, since: 5000, upSince: 5000 })
    t.equal(back.why, undefined)
    t.equal(after(could('refused'), PRIMARY, could('refused'), PRIMARY).up, false)
  })

  t.test('an error that proves a living server neither raises nor lowers, but counts as a sign of life', async t => {
    for (const reason of ['too_many', 'auth', 'unclear'] as const) {
      t.match(after(could(reason)), { up: 'unknown', fallen: 0 }, reason)
      t.match(after(PRIMARY, could(reason), could(reason), could(reason)), { up: true, since: 1000 }, reason)
      t.match(after(could('refused'), could(reason), could(reason)), { up: false, since: 1000 }, reason)
      t.equal(after(PRIMARY, could('timeout'), could(reason), could('timeout')).up, false, 'and breaks no row')
    }
    t.equal(
      onDial(onDial(after(PRIMARY), dial(2000, false, 'too_many'), RULES), dial(2, false, 'auth'), RULES).up,
      true,
    )
  })

  t.test('dials and probes count in one row', async t => {
    const one = onDial(after(PRIMARY), dial(1100, false, 'refused'), RULES)
    t.match(one, { up: true, fallen: 1 })
    t.equal(onProbe(one, probe(1200, could('refused')), RULES).up, false)
    t.equal(onProbe(onDial(one, dial(1150, true), RULES), probe(1200, could('refused')), RULES).up, true)
  })

  t.test('a member back from failure starts slowly, one up at first sight does not', async t => {
    const slow = ms(10_000)
    t.equal(slowStartShare(after(PRIMARY), ms(1000), slow), 1)
    const back = after(could('refused'), PRIMARY, PRIMARY)
    t.equal(back.upSince, 3000)
    t.equal(slowStartShare(back, ms(3000), slow), 0.1)
    t.equal(slowStartShare(back, ms(8000), slow), 0.55)
    t.equal(slowStartShare(back, ms(13_000), slow), 1)
    t.equal(slowStartShare(back, ms(99_000), slow), 1)
    t.equal(slowStartShare(back, ms(3000), ms(0)), 1, 'slowStart 0 switches it off')
    t.equal(
      onProbe(onProbe(back, probe(4000, could('refused')), RULES), probe(5000, could('refused')), RULES).upSince,
      undefined,
    )
  })

  t.test('its words say how long and why', async t => {
    t.equal(healthWords(after(), ms(5000)), 'not asked yet')
    t.equal(healthWords(after(PRIMARY), ms(181_000)), 'healthy for 3min')
    t.equal(healthWords(after(could('refused')), ms(13_000)), 'no answer for 12s: 10.0.0.1:5432: refused')
    t.match(
      healthWords(after(PRIMARY, could('timeout'), could('timeout')), ms(3000)),
      /^no answer for 1s: /,
      'counted from the first failure of the row that took it down, not from the last',
    )
    t.match(
      healthWords(after(PRIMARY, could('timeout')), ms(3000)),
      /^healthy for 2s, but the last try failed: .*timeout$/,
    )
    t.match(healthWords(after(could('refused'), PRIMARY), ms(3000)), /^answers again after 2s/)
    t.match(healthWords(after(could('auth')), ms(3000)), /cannot be asked: .*auth$/)
  })

  t.test('no order of evidence changes `up` without a full row of its kind', async () => {
    const kinds = fc.constantFrom<Answer>(PRIMARY, RECOVERY, could('refused'), could('auth'))
    fc.assert(
      fc.property(fc.array(kinds, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 4 }), (answers, need) => {
        let health = unknownHealth(ms(0))
        const seen: boolean[] = []
        answers.forEach((answer, i) => {
          const before = health
          health = onProbe(health, probe(i, answer), { rise: need, fall: need })
          const neutral = answer.kind === 'unasked' && answer.reason === 'auth'
          if (!neutral) seen.push(answer.kind !== 'unasked')
          const row = seen.slice(-need)
          const full = row.length === need && row.every(good => good === health.up)
          if (before.up !== 'unknown' && health.up !== before.up && !full) throw new Error(`changed at ${i}`)
          if (before.up === health.up && before.since !== health.since) throw new Error('since moved without a change')
        })
      }),
    )
  })
})

const HISTORY = [{ timeline: 1, forkLsn: lsn(5000), reason: 'no recovery target specified' }]
const said = (replay: number, timeline?: number, delay?: number) => ({
  at: ms(10_000),
  said: {
    kind: 'recovery' as const,
    replayLsn: lsn(replay),
    ...(timeline === undefined ? {} : { timeline }),
    ...(delay === undefined ? {} : { replayDelay: ms(delay) }),
  },
})
const lag = (input: Partial<LagInput>) => lagOf({ now: ms(10_000), freshFor: ms(3000), history: [], ...input })
const at = (position: number, when = 10_000): { lsn: ReturnType<typeof lsn>; at: Ms } => ({
  lsn: lsn(position),
  at: ms(when),
})

t.test('lag', async t => {
  t.test('is the distance from the primary, with the delay the replica told', async t => {
    t.same(lag({ answer: said(900, 1, 250), primary: at(1000) }), { kind: 'known', bytes: 100, delay: 250 })
  })

  t.test('is never negative: the replica may have been asked after the primary', async t => {
    t.same(lag({ answer: said(1100), primary: at(1000, 9900) }), { kind: 'known', bytes: 0 })
  })

  t.test('counts against where the primary was when the replica was asked', async t => {
    const primary = { ...at(2000, 10_500), earlier: at(1000, 9500) }
    t.same(lag({ answer: said(1500), primary, now: ms(10_500) }), { kind: 'known', bytes: 0 })
    t.same(lag({ answer: said(1400), primary, now: ms(10_500) }), { kind: 'known', bytes: 100 })
    t.same(lag({ answer: said(900), primary: { ...primary, earlier: at(5000, 9500) } }), { kind: 'known', bytes: 1100 })
  })

  t.test('prefers fresh answers to what was published', async t => {
    const published = { replayLsn: lsn(100), timeline: 1 }
    t.same(lag({ answer: said(900), published, primary: at(1000), optime: lsn(5000) }), { kind: 'known', bytes: 100 })
    t.same(lag({ answer: said(900), published, primary: at(1000), now: ms(20_000) }), { kind: 'known', bytes: 900 })
    t.same(lag({ published, optime: lsn(1000) }), { kind: 'known', bytes: 900 })
  })

  t.test('with no primary counts against its last known position', async t => {
    t.same(lag({ answer: said(900), primary: at(1000, 1000) }), { kind: 'known', bytes: 100 })
    t.same(lag({ answer: said(900), primary: at(1000, 1000), optime: lsn(1200) }), { kind: 'known', bytes: 300 })
    t.same(lag({ answer: said(900), optime: lsn(1200) }), { kind: 'known', bytes: 300 })
  })

  t.test('is unknown where a position is missing', async t => {
    t.match(lag({ answer: said(900) }), { kind: 'unknown', why: /primary/ })
    t.match(lag({ primary: at(1000) }), { kind: 'unknown', why: /replay position/ })
    t.match(lag({ answer: { at: ms(10_000), said: { kind: 'recovery' } }, primary: at(1) }), { kind: 'unknown' })
  })

  t.test('a member on the old timeline qualifies up to the fork and is out at once past it', async t => {
    const primary = { ...at(5200), timeline: 2 }
    t.same(lag({ answer: said(5000, 1), primary, history: HISTORY }), { kind: 'known', bytes: 200 })
    t.match(lag({ answer: said(5001, 1), primary, history: HISTORY }), {
      kind: 'diverged',
      why: /timeline 1 ended at 0\/1388/,
    })
    t.match(lag({ answer: said(5001, 1), history: HISTORY, optime: lsn(1) }), { kind: 'diverged' }, 'history is enough')
    t.match(lag({ answer: said(5001, 2), primary, history: HISTORY }), { kind: 'known' })
    t.match(lag({ answer: said(5001, 3), primary, history: HISTORY }), { kind: 'known' }, 'a newer one than we know')
  })

  t.test('with the fork not yet published only what the primary itself had replayed is safe', async t => {
    const primary = { ...at(5200), timeline: 2 }
    t.match(lag({ answer: said(4900, 1), primary }), { kind: 'unknown', why: /timeline 1/ })
    t.same(lag({ answer: said(4900, 1), primary, forkAtLeast: lsn(4900) }), { kind: 'known', bytes: 300 })
    t.match(lag({ answer: said(4901, 1), primary, forkAtLeast: lsn(4900) }), { kind: 'unknown' })
    t.match(lag({ answer: said(10, 1), timeline: 3, optime: lsn(1), forkAtLeast: lsn(4900) }), { kind: 'unknown' })
  })

  t.test('a member published on the old timeline is believed when it answers from the new one', async t => {
    const published = { replayLsn: lsn(5500), timeline: 1 }
    const primary = { ...at(5600), timeline: 2 }
    t.same(lag({ answer: said(5500, 2), published, primary, history: HISTORY }), { kind: 'known', bytes: 100 })
    t.match(lag({ published, primary, history: HISTORY }), { kind: 'diverged' })
  })
})

const RUNNING = { state: 'running', timeline: 3, database_system_identifier: '7711108821656065712' }

t.test("Patroni's answer to GET /patroni", async t => {
  t.test('is a primary only when running and with its own WAL position', async t => {
    for (const role of ['master', 'primary']) {
      t.same(answerFromPatroni(200, { ...RUNNING, role, xlog: { location: 67419584 } }), {
        kind: 'primary',
        lsn: 67419584,
        systemId: '7711108821656065712',
        timeline: 3,
      })
      t.match(answerFromPatroni(200, { ...RUNNING, role }), { kind: 'unasked', reason: 'unclear' })
      t.match(answerFromPatroni(200, { state: 'stopping', role }), {
        kind: 'unasked',
        reason: 'starting',
        why: /stopping/,
      })
    }
  })

  t.test('is in recovery as replica or standby leader', async t => {
    const xlog = { received_location: 200, replayed_location: 150, replayed_timestamp: null, paused: false }
    for (const role of ['replica', 'standby_leader']) {
      t.match(answerFromPatroni(200, { ...RUNNING, role, xlog }), {
        kind: 'recovery',
        receiveLsn: 200,
        replayLsn: 150,
        timeline: 3,
      })
    }
    const archive = { received_location: 0, replayed_location: 150 }
    t.equal('receiveLsn' in answerFromPatroni(200, { ...RUNNING, role: 'replica', xlog: archive }), false)
  })

  t.test('decides nothing where role and position do not fit, or the state is another', async t => {
    t.match(answerFromPatroni(200, { ...RUNNING, role: 'master', xlog: { replayed_location: 5 } }), {
      reason: 'unclear',
    })
    t.match(answerFromPatroni(200, { ...RUNNING, role: 'replica', xlog: { location: 5 } }), { reason: 'unclear' })
    t.match(answerFromPatroni(200, { state: 'starting', role: 'replica' }), { reason: 'starting' })
    t.match(answerFromPatroni(200, { state: 'creating replica', role: 'replica' }), { reason: 'starting' })
    t.match(answerFromPatroni(200, { state: 'unheard of' }), { reason: 'unclear', why: /unheard of/ })
    t.match(answerFromPatroni(404, {}), { reason: 'unclear', why: /404/ })
  })

  t.test('never throws, whatever comes', async () => {
    fc.assert(
      fc.property(fc.integer(), fc.jsonValue(), (status, json) => {
        answerFromPatroni(status, json)
        answerFromPatroni(200, { ...RUNNING, role: 'master', xlog: json })
      }),
    )
  })
})
