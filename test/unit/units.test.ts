// The outside forms of durations, sizes and log positions, read and written.

import fc from 'fast-check'
import t from 'tap'
import {
  bytes,
  formatBytes,
  formatLsn,
  formatMs,
  lsn,
  ms,
  parseBytes,
  parseLsn,
  parseMs,
  plural,
} from '../../src/units/units.js'

t.test('a duration is read with its unit, and a bare zero', async t => {
  const read: [string, number][] = [
    ['0', 0],
    ['250ms', 250],
    ['1.5s', 1500],
    ['5min', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    [' 30 s ', 30_000],
    ['500us', 0.5],
  ]
  for (const [text, want] of read) t.equal(parseMs(text), want, text)
})

t.test('what is no duration is not read', async t => {
  for (const text of ['', '45', 's', '-1s', '1m', '1S', '1e3s', '1s 2ms', 'NaNs', '.5s'])
    t.equal(parseMs(text), undefined, text)
})

t.test('a whole number of any unit reads as that many of it', async () => {
  const units = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }
  for (const [unit, size] of Object.entries(units)) {
    fc.assert(fc.property(fc.nat(), n => parseMs(`${n}${unit}`) === n * size))
  }
})

t.test('a written duration under an hour reads back within its rounding', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_599_999 }), n => {
      const rounding = n < 1000 ? 0 : n < 10_000 ? 50 : n < 60_000 ? 500 : 59_999
      return Math.abs((parseMs(formatMs(ms(n))) ?? Number.NaN) - n) <= rounding
    }),
  )
})

t.test('durations are written as people read them', async t => {
  const written: [number, string][] = [
    [0, '0ms'],
    [85.4, '85ms'],
    [1400, '1.4s'],
    [45_000, '45s'],
    [720_000, '12min'],
    [11_100_000, '3h 5min'],
    [7_200_000, '2h'],
    [187_200_000, '2d 4h'],
    [86_400_000, '1d'],
  ]
  for (const [length, want] of written) t.equal(formatMs(ms(length)), want)
})

t.test('one is one, and all else are many', async t => {
  t.strictSame(
    [0, 1, 2].map(n => plural(n, 'session')),
    ['0 sessions', '1 session', '2 sessions'],
  )
})

t.test('a size is read with its unit, and what is none is not', async t => {
  const read: [string, number][] = [
    ['0', 0],
    ['512B', 512],
    ['1kB', 1000],
    ['16MiB', 16_777_216],
    ['1.5GiB', 1_610_612_736],
  ]
  for (const [text, want] of read) t.equal(parseBytes(text), want, text)
  for (const text of ['', '16', '16mib', '-1B', '1KB', 'MiB']) t.equal(parseBytes(text), undefined, text)
})

t.test('a written size under 1 TiB reads back within its one decimal', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1024 ** 4 - 1024 ** 3 }), n => {
      const power = n < 1024 ? 0 : Math.floor(Math.log2(n) / 10)
      const rounding = power === 0 ? 0 : 0.051 * 1024 ** power
      return Math.abs((parseBytes(formatBytes(bytes(n))) ?? Number.NaN) - n) <= rounding
    }),
  )
})

t.test('a log position reads back as it was written', async () => {
  fc.assert(fc.property(fc.maxSafeNat(), n => parseLsn(formatLsn(lsn(n))) === n))
})

t.test('log positions have the form of pg_lsn', async t => {
  t.equal(parseLsn('16/B374D848'), 0x16_b374_d848)
  t.equal(parseLsn('0/3000148'), 0x3000148)
  t.equal(formatLsn(lsn(0x16_b374_d848)), '16/B374D848')
  for (const text of ['', '16', '16/', '/1', '1/123456789', 'g/1', '0/1 ']) t.equal(parseLsn(text), undefined, text)
})
