// The startup phase, both ways: every message at every split point, every senseless length, and random bytes.

import fc from 'fast-check'
import t from 'tap'
import { type BackendSeen, createBackendScanner, readEncryptionAnswer } from '../../src/protocol/backend.js'
import { type First, readFirst } from '../../src/protocol/first.js'
import { QueryCounter } from '../../src/protocol/queries.js'
import { cancelRequest, errorResponse, sslRequest, startupMessage } from '../../src/protocol/write.js'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const int32 = (n: number): Uint8Array => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n)
const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap(part => [...part]))
const message = (type: string, body: Uint8Array): Uint8Array => join(ascii(type), int32(body.length + 4), body)
const keyData = (pid: number, secret: Uint8Array): Uint8Array => message('K', join(int32(pid), secret))
const secretOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 37 + 1) % 256)

const GSSENC = join(int32(8), Uint8Array.of(0x04, 0xd2, 0x16, 0x30))
const LOGIN = new Map([
  ['user', 'anna'],
  ['database', 'აფხაზეთი'],
  ['application_name', ''],
])
const AUTH_OK = message('R', int32(0))
const STATUS = message('S', ascii('server_version\x0015.4\0'))
const READY = message('Z', ascii('I'))
const REFUSAL = { severity: 'FATAL', code: '57P03', message: 'the database system is starting up' } as const

const why = (first: First): string => (first.kind === 'bad' ? first.why : first.kind)
const kinds = (seen: readonly BackendSeen[]): string[] => seen.map(s => (s.kind === 'passed' ? s.type : s.kind))

/** What a scanner sees of these bytes when they come in chunks of the given sizes, the last one repeated. */
function scan(bytes: Uint8Array, ...sizes: number[]): BackendSeen[] {
  const scanner = createBackendScanner()
  const seen: BackendSeen[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)] ?? bytes.length
    // A buffer that is overwritten afterwards, as a socket's may be.
    const chunk = new Uint8Array(bytes.subarray(at, at + size))
    seen.push(...scanner.feed(chunk))
    chunk.fill(0xee)
    at += size
  }
  return seen
}

t.test('every first packet asks for more until it is whole, and leaves what follows alone', async t => {
  const packets: ReadonlyArray<readonly [First['kind'], Uint8Array, number]> = [
    ['ssl', sslRequest(), 8],
    ['gssenc', GSSENC, 8],
    ['cancel', cancelRequest(77, secretOf(4)), 16],
    ['cancel', cancelRequest(77, secretOf(256)), 268],
    ['startup', startupMessage(LOGIN), startupMessage(LOGIN).length],
  ]
  for (const [kind, packet, length] of packets) {
    for (let cut = 0; cut < packet.length; cut++)
      t.equal(readFirst(packet.subarray(0, cut)).kind, 'more', `${kind} cut at ${cut}`)
    const whole = readFirst(packet)
    t.match(whole, { kind, length })
    t.same(readFirst(join(packet, ascii('and the next one'))), whole)
  }
})

t.test('a startup packet gives its version and its length', async t => {
  const first = readFirst(startupMessage(LOGIN, 2))
  t.same(first, { kind: 'startup', major: 3, minor: 2, length: startupMessage(LOGIN).length })
  t.match(readFirst(startupMessage(new Map([['user', 'u']]), 9999)), { kind: 'startup', minor: 9999 })
  t.match(readFirst(startupMessage(new Map([['replication', 'true']]))), { kind: 'startup' })
  t.match(readFirst(startupMessage(new Map())), { kind: 'startup', length: 9 })
})

t.test('a name given twice is the backend’s to judge, and so are bytes that are not UTF-8', async t => {
  const body = join(ascii('user\0a\0user\0b\0x\0'), Uint8Array.of(0xff, 0xfe, 0), Uint8Array.of(0))
  const first = readFirst(join(int32(body.length + 8), int32(3 << 16), body))
  t.match(first, { kind: 'startup', length: body.length + 8 })
})

t.test('a startup packet without its pairs or its last zero byte is refused', async t => {
  for (const body of ['', 'user', 'user\0', 'user\0anna', 'user\0anna\0', 'user\0anna\0\0x', '\0\0']) {
    const packet = join(int32(8 + body.length), int32(3 << 16), ascii(body))
    t.match(why(readFirst(packet)), /not pairs of name and value/, JSON.stringify(body))
  }
})

t.test('the first byte of TLS is enough', async t => {
  t.same(readFirst(Uint8Array.of(0x16)), { kind: 'direct_tls' })
  t.same(readFirst(Uint8Array.of(0x16, 3, 1, 2, 0, 1)), { kind: 'direct_tls' })
})

t.test('lengths that no startup packet has are refused with the length and the range', async t => {
  for (const length of [0, 3, 7, 10_001, 2 ** 31, 2 ** 32 - 1])
    t.match(why(readFirst(int32(length))), new RegExp(`length ${length} .*8 to 10000`), `${length}`)
  t.equal(readFirst(int32(8)).kind, 'more')
  t.equal(readFirst(int32(10_000)).kind, 'more')
})

t.test('a startup packet of 10,000 bytes is read, and one byte less asks for it', async t => {
  const packet = startupMessage(new Map([['user', 'u'.repeat(10_000 - 8 - 5 - 1 - 1)]]))
  t.equal(packet.length, 10_000)
  t.equal(readFirst(packet.subarray(0, 9999)).kind, 'more')
  t.match(readFirst(packet), { kind: 'startup', length: 10_000 })
})

t.test('requests with the wrong length are refused', async t => {
  for (const [request, name] of [
    [sslRequest(), 'SSLRequest'],
    [GSSENC, 'GSSENCRequest'],
  ] as const) {
    const longer = new Uint8Array(request)
    longer[3] = 9
    t.match(why(readFirst(longer)), `${name} has length 9; it must be 8`)
  }
  for (const secret of [0, 3, 257]) {
    const packet = cancelRequest(1, secretOf(secret))
    t.match(why(readFirst(packet)), /CancelRequest has length \d+; it must be 16 to 268/)
  }
})

t.test('other protocols are named', async t => {
  for (const line of ['GET / HTTP/1.1\r\n', 'POST /x', 'HEAD', 'PRI * HTTP/2.0'])
    t.match(why(readFirst(ascii(line))), /HTTP/)
  t.match(why(readFirst(ascii('SSH-2.0-x'))), /SSH/)
  t.match(why(readFirst(ascii('PROXY TCP4 '))), /PROXY protocol/)
  t.match(why(readFirst(ascii('\r\n\r\n\0\r\nQUIT\n'))), /PROXY protocol/)
})

t.test('protocols other than 3.x are refused with their number', async t => {
  const opening = (major: number, minor: number) => join(int32(8), int32(major * 65536 + minor))
  t.match(why(readFirst(opening(2, 0))), /protocol 2\.0; PostgreSQL speaks 3\.x/)
  t.match(why(readFirst(opening(4, 1))), /protocol 4\.1/)
  t.match(why(readFirst(opening(0, 0))), /protocol 0\.0/)
  t.match(why(readFirst(opening(1234, 5681))), /unknown request code 1234\.5681/)
})

t.test('a cancel key survives the socket reusing its memory, also out of a Buffer', async t => {
  const packet = Buffer.from(cancelRequest(-5, secretOf(32)))
  const first = readFirst(packet)
  packet.fill(0)
  t.same(first, { kind: 'cancel', processId: -5, secret: secretOf(32), length: 44 })
})

t.test('random bytes never throw and never ask for more than 10,000 bytes', async () => {
  const opening = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.nat(12_000).map(int32))
  const code = fc.constantFrom(
    ascii(''),
    int32(3 << 16),
    sslRequest().subarray(4),
    cancelRequest(0, secretOf(4)).subarray(4, 8),
  )
  fc.assert(
    fc.property(opening, code, fc.uint8Array({ maxLength: 300 }), (a, b, c) => {
      const bytes = join(a, b, c)
      const first = readFirst(bytes)
      if ('length' in first && (first.length > bytes.length || first.length > 10_000)) throw new Error('length')
      const full = new Uint8Array(10_000)
      full.set(bytes)
      if (readFirst(full).kind === 'more') throw new Error('asks for more than 10,000 bytes')
    }),
    { numRuns: 2000 },
  )
})

t.test('cancel requests and startup messages read back as written', async () => {
  const secret = fc.uint8Array({ minLength: 4, maxLength: 256 })
  fc.assert(
    fc.property(fc.integer(), secret, (processId, secret) => {
      const first = readFirst(cancelRequest(processId, secret))
      return first.kind === 'cancel' && first.processId === processId && Buffer.compare(first.secret, secret) === 0
    }),
  )
  const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter(s => !s.includes('\0'))
  const pairs = fc.uniqueArray(
    fc.tuple(
      text.filter(s => s !== ''),
      text,
    ),
    {
      selector: ([name]) => name,
      maxLength: 10,
    },
  )
  fc.assert(
    fc.property(pairs, pairs => {
      const packet = startupMessage(new Map(pairs))
      t.same(readFirst(packet), { kind: 'startup', major: 3, minor: 0, length: packet.length })
    }),
  )
})

t.test('a backend startup is seen the same at every split point', async t => {
  const bytes = join(
    message('v', join(int32(0), int32(1), ascii('_pq_.x\0'))),
    message('R', join(int32(10), ascii('SCRAM-SHA-256\0\0'))),
    AUTH_OK,
    STATUS,
    message('N', ascii('SNOTICE\0Mhello\0\0')),
    keyData(4711, secretOf(32)),
    READY,
  )
  const expected = scan(bytes)
  t.same(kinds(expected), ['v', 'R', 'R', 'S', 'N', 'key', 'ready'])
  t.same(expected[5], { kind: 'key', processId: 4711, secret: secretOf(32) })
  for (let cut = 1; cut < bytes.length; cut++) t.same(scan(bytes, cut, bytes.length), expected, `cut at ${cut}`)
  t.same(scan(bytes, 1), expected, 'byte by byte')
})

t.test('keys of 4 to 256 bytes are read, shorter and longer ones are not keys', async t => {
  for (let length = 4; length <= 256; length++)
    t.same(scan(keyData(-1, secretOf(length)), 7), [{ kind: 'key', processId: -1, secret: secretOf(length) }])
  t.match(scan(keyData(1, secretOf(3))), [{ kind: 'bad', why: /BackendKeyData has length 11/ }])
  t.match(scan(keyData(1, secretOf(257))), [{ kind: 'bad', why: /BackendKeyData has length 265/ }])
})

t.test('a long message is skipped by count and not held', async t => {
  const bytes = join(AUTH_OK, message('N', new Uint8Array(200_000)), keyData(9, secretOf(4)))
  for (const size of [1000, 4096, 65_536]) t.same(kinds(scan(bytes, size)), ['R', 'N', 'key'])
})

t.test('an error during startup is seen at every split point, and nothing after it', async t => {
  const bytes = join(AUTH_OK, errorResponse({ ...REFUSAL, detail: 'd', hint: 'h' }), READY)
  for (let cut = 1; cut < bytes.length; cut++)
    t.same(scan(bytes, cut, bytes.length), [
      { kind: 'passed', type: 'R' },
      { kind: 'error', ...REFUSAL },
    ])
})

t.test('an error longer than 10,000 bytes gives what its first 10,000 hold', async t => {
  const error = errorResponse({ ...REFUSAL, detail: 'x'.repeat(50_000) })
  t.same(scan(error, 512), [{ kind: 'error', ...REFUSAL }])
})

t.test('a postmaster that cannot fork speaks in plain text, and that is an error too', async t => {
  const said = 'could not fork new process for connection: Cannot allocate memory'
  const expected = [{ kind: 'error', severity: 'FATAL', code: '', message: said }]
  t.same(scan(ascii(`E${said}\n\0`)), expected)
  t.same(scan(ascii(`E${said}\n\0`), 3), expected)
  t.match(scan(join(ascii('E'), ascii('x'.repeat(20_000))), 999), [{ kind: 'error', message: /^x{9000}/ }])
})

t.test('what is no PostgreSQL backend is said to be none', async t => {
  t.match(scan(ascii('HTTP/1.1 400 Bad Request\r\n')), [{ kind: 'bad', why: /0x48 0x54/ }])
  for (const length of [0, 3, 2 ** 32 - 1])
    t.match(scan(join(ascii('R'), int32(length))), [{ kind: 'bad', why: /message R has length/ }], `${length}`)
})

t.test('a scanner takes random bytes in random chunks, sees the same in one piece, and never throws', async t => {
  const parts = fc.constantFrom(
    AUTH_OK,
    STATUS,
    READY,
    keyData(3, secretOf(4)),
    errorResponse(REFUSAL),
    ascii('E'),
    ascii('R'),
  )
  const stream = fc
    .array(fc.oneof(parts, fc.uint8Array({ maxLength: 20 })), { maxLength: 12 })
    .map(list => join(...list))
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }), (bytes, sizes) => {
      t.same(
        scan(bytes, ...sizes).map(s => s.kind),
        scan(bytes).map(s => s.kind),
      )
    }),
    { numRuns: 300 },
  )
})

t.test('the single byte that answers a request for encryption', async t => {
  const answer = (request: 'ssl' | 'gssenc', letter: string) => readEncryptionAnswer(request, letter.charCodeAt(0))
  t.same(
    [...'SNEGX'].map(letter => answer('ssl', letter)),
    ['encrypted', 'plaintext', 'error', 'bad', 'bad'],
  )
  t.same(
    [...'GNESX'].map(letter => answer('gssenc', letter)),
    ['encrypted', 'plaintext', 'error', 'bad', 'bad'],
  )
})

t.test('an ErrorResponse carries its fields, and a NUL inside cannot add one', async t => {
  const bytes = errorResponse({ ...REFUSAL, message: 'no\0CXX000\0 primary', detail: 'pg1: stopped', hint: 'wait' })
  const text = new TextDecoder().decode(bytes.subarray(5))
  t.equal(text, 'SFATAL\0VFATAL\0C57P03\0MnoCXX000 primary\0Dpg1: stopped\0Hwait\0\0')
  t.equal(bytes[0], 'E'.charCodeAt(0))
  t.equal(new DataView(bytes.buffer).getUint32(1), bytes.length - 1)
})

/** Queries counted when the bytes come in chunks of these sizes, the last one repeated, in a buffer at some place of its own. */
function countQueries(bytes: Uint8Array, ...sizes: number[]): number {
  const counter = new QueryCounter()
  const room = join(Uint8Array.of(1, 2, 3), bytes)
  for (let at = 3, i = 0; at < room.length; i++) {
    const end = Math.min(room.length, at + (sizes[Math.min(i, sizes.length - 1)] ?? room.length))
    counter.feed(room, at, end)
    at = end
  }
  return counter.queries
}

t.test('queries are counted by their heads, however the bytes are cut', t => {
  const anyMessage = fc.tuple(fc.constantFrom(...'BCDEFHPQSXcdfp'), fc.uint8Array({ maxLength: 40 }))
  fc.assert(
    fc.property(
      fc.array(anyMessage, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
      (messages, sizes) => {
        const bytes = join(...messages.map(([type, body]) => message(type, body)))
        const asked = messages.filter(([type]) => 'QEF'.includes(type)).length
        t.equal(countQueries(bytes), asked)
        t.equal(countQueries(bytes, ...sizes), asked)
      },
    ),
  )
  t.end()
})

t.test('what opens no message ends the count, and nothing after it is taken for a query', async t => {
  const query = message('Q', ascii('select 1\0'))
  for (const wrong of [ascii('Z'), Uint8Array.of(0), ascii('Q\0\0\0\x03'), Uint8Array.of(0x51, 0xff, 0xff, 0xff, 0xff)])
    t.equal(countQueries(join(query, wrong, ascii('xxxx'), query, query)), 1)
})

t.test('no bytes at all make the counter throw', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      const counted = countQueries(bytes, 7)
      t.ok(counted >= 0 && counted <= bytes.length / 5)
    }),
  )
  t.end()
})
