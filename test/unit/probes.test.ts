// What the probers make of bytes, rows and errors. Connections themselves: test/live/probes.test.ts.

import fc from 'fast-check'
import t from 'tap'
import { ASK, createHearing } from '../../src/probes/exchange.js'
import { createFrames } from '../../src/probes/frames.js'
import { answerFromRow } from '../../src/probes/question.js'
import { addressText, unaskedFrom, verdict } from '../../src/probes/unasked.js'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const message = (type: string, body: string): string => {
  const length = body.length + 4
  return type + String.fromCharCode(length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255) + body
}

const LOGIN =
  message('R', '\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0') +
  message('R', '\0\0\0\x0br=nonce,s=salt,i=4096') +
  message('R', '\0\0\0\x0cv=proof') +
  message('R', '\0\0\0\0') +
  message('S', 'server_version\x0015.1\0') +
  message('K', '\0\0\0\x01\0\0\0\x02') +
  message('Z', 'I') +
  message('N', 'SNOTICE\0C00000\0Mhello\0\0') +
  message('1', '') +
  message('2', '') +
  message('T', `\0\x01recovery\0${'\0'.repeat(18)}`) +
  message('D', '\0\x02\0\0\0\x01f\xff\xff\xff\xff') +
  message('C', 'SELECT 1\0') +
  message('Z', 'I') +
  message('E', 'SFATAL\0C57P01\0Mterminating\0\0')

t.test('messages of a login and a query pass unchanged at every split point', async t => {
  const bytes = latin1(LOGIN)
  for (let split = 0; split <= bytes.length; split++) {
    const frames = createFrames()
    const got = [frames(bytes.subarray(0, split)), frames(bytes.subarray(split))]
    const text = got.map(part => (typeof part === 'string' ? part : part.toString('latin1'))).join('')
    if (text !== LOGIN) t.fail(`split at ${split}: ${text}`)
  }
})

t.test('a message that would run past its end is refused', async t => {
  const bad = [
    message('E', ''),
    message('E', 'SFATAL'),
    message('E', 'SFATAL\0'),
    message('S', 'name\0'),
    message('S', 'name\0value'),
    message('C', 'SELECT 1'),
    message('R', '\0\0'),
    message('R', '\0\0\0\x63'),
    message('R', '\0\0\0\x0aSCRAM-SHA-256\0'),
    message('R', '\0\0\0\x05\0'),
    message('T', '\x7f\xff'),
    message('T', '\0\x01name'),
    message('D', '\0\x01\0\0\0\x05f'),
    message('D', '\0\x01'),
    message('Z', ''),
    message('K', ''),
    message('H', '\0\0'),
    'E\0\0\0\0',
    'E\0\0\0\x03',
    'E\xff\xff\xff\xff',
  ]
  for (const text of bad) t.type(createFrames()(latin1(text)), 'string', JSON.stringify(text))
})

t.test('no bytes make it throw or keep more than one message', async () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), chunks => {
      const frames = createFrames()
      for (const chunk of chunks) if (typeof frames(Buffer.from(chunk)) === 'string') return
    }),
  )
})

t.test('an answer is heard at every split point, and what comes behind it is somebody else’s', async t => {
  const row = message('D', '\0\x02\0\0\0\x01f\xff\xff\xff\xff')
  const answer = message('2', '') + message('N', 'SNOTICE\0\0') + row + message('C', 'SELECT 1\0') + message('Z', 'I')
  const behind = message('E', 'SFATAL\0C57P01\0Mterminating\0\0')
  const bytes = latin1(answer + behind)
  for (let split = 0; split < answer.length; split++) {
    const [frames, hearing] = [createFrames(), createHearing()]
    const parts = [bytes.subarray(0, split), bytes.subarray(split)].map(part => frames(part) as Buffer)
    t.equal(hearing(parts[0] ?? latin1('')), undefined)
    const heard = hearing(parts[1] ?? latin1(''))
    t.strictSame(heard?.reply, { row: ['f', null] })
    t.equal(parts[1]?.subarray(heard?.length).toString('latin1'), behind)
  }
  t.match(createHearing()(latin1(message('2', '') + behind)), {
    reply: { error: { code: '57P01', message: 'terminating' } },
  })
})

t.test('a question leaves nothing prepared at the server', async t => {
  t.match(ASK.toString('latin1'), /^P.{4}\0\nSELECT recovery/s)
})

t.test('a row of the question is an answer, or unclear', async t => {
  t.same(answerFromRow(['f', '77', '0000001F', '1/10', null, null, null]), {
    kind: 'primary',
    lsn: 2 ** 32 + 16,
    systemId: '77',
    timeline: 31,
  })
  t.same(answerFromRow(['t', '77', '31', null, '0/20', '0/10', '1500.25']), {
    kind: 'recovery',
    systemId: '77',
    timeline: 31,
    receiveLsn: 32,
    replayLsn: 16,
    replayDelay: 1500.25,
  })
  t.same(answerFromRow(['t', '77', null, null, null, null, null]), { kind: 'recovery', systemId: '77' })
  t.match(answerFromRow(['f', '77', '00000001', null, null, null, null]), { kind: 'unasked', reason: 'unclear' })
  t.match(answerFromRow([null]), { kind: 'unasked', reason: 'unclear' })
  t.match(answerFromRow(undefined), { kind: 'unasked', reason: 'unclear' })
})

t.test('each error has its reason, the address and the remedy', async t => {
  const coded = (code: string, text = 'it says') => unaskedFrom(Object.assign(new Error(text), { code }), 'db:5432')
  for (const [code, reason] of [
    ['ECONNREFUSED', 'refused'],
    ['ECONNRESET', 'refused'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENOTFOUND', 'unreachable'],
    ['ETIMEDOUT', 'timeout'],
    ['EMFILE', 'unclear'],
    ['57P03', 'starting'],
    ['57P01', 'refused'],
    ['53300', 'too_many'],
    ['28P01', 'auth'],
    ['28000', 'auth'],
    ['42501', 'auth'],
    ['XX000', 'unclear'],
  ] as const) {
    t.match(coded(code), { kind: 'unasked', reason, why: /^db:5432: / }, code)
  }
  t.equal(coded('28P01').why, 'db:5432: it says (28P01); check probe.user and probe.passwordFile')
  t.equal(coded('ECONNREFUSED').why, 'db:5432: ECONNREFUSED; nothing listens there')
  t.match(unaskedFrom(new Error('SASL: wrong'), 'db:5432'), { reason: 'auth' })
  t.match(unaskedFrom(new Error('Connection terminated unexpectedly'), 'db:5432'), { reason: 'refused' })
  t.match(unaskedFrom(verdict('tls', 'no TLS'), 'db:5432'), { reason: 'tls', why: 'no TLS' })
  t.match(unaskedFrom('odd', 'db:5432'), { reason: 'unclear', why: 'db:5432: odd' })
  t.equal(addressText({ host: 'fd00::1', port: 5432 }), '[fd00::1]:5432')
})
