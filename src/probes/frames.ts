// Lets only whole and well-formed messages of a PostgreSQL backend pass: those that a login and one query bring.
// `pg-protocol` reads a string up to its NUL without a look at the message's end: five bytes from whatever listens on that
// port ("E", length 4) would spin this process for ever, and a long length would fill its memory. Knows shapes, no meaning.
// PostgreSQL manual, "Message Formats".

/** Takes what came and gives the whole messages in it, in order; a string says what is wrong, and nothing may follow. */
export type Frames = (chunk: Buffer) => Buffer | string

/** Far over any message a probe can get; an error text is the longest. */
const LONGEST = 64 * 1024
const HEAD = 5
const NOTHING = Buffer.alloc(0)

/** One connection's filter. */
export function createFrames(): Frames {
  let rest: Buffer = NOTHING
  return chunk => {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength)
    let end = 0
    while (all.length - end >= HEAD) {
      const length = view.getUint32(end + 1)
      const type = String.fromCharCode(view.getUint8(end))
      if (length < 4 || length > LONGEST) return `message ${JSON.stringify(type)} with length ${length}`
      if (all.length - end < 1 + length) break
      const body = new DataView(all.buffer, all.byteOffset + end + HEAD, length - 4)
      if (SHAPES[type]?.(body) !== true) return `malformed or unexpected message ${JSON.stringify(type)}`
      end += 1 + length
    }
    rest = end === all.length ? NOTHING : Buffer.from(all.subarray(end))
    return all.subarray(0, end)
  }
}

type Shape = (body: DataView) => boolean

const empty: Shape = body => body.byteLength === 0

/** By message type. What is not here (COPY, notifications) cannot come: the probe never asks for it. */
const SHAPES: Readonly<Record<string, Shape>> = {
  R: authentication,
  S: body => after(body, after(body, 0)) === body.byteLength,
  C: body => after(body, 0) === body.byteLength,
  E: report,
  N: report,
  K: body => body.byteLength >= 8,
  Z: body => body.byteLength === 1,
  T: rowDescription,
  D: dataRow,
  '1': empty,
  '2': empty,
  '3': empty,
  n: empty,
  I: empty,
  s: empty,
}

/** The offset after the string that starts at `from`; NaN when it does not end in the body. NaN goes through later calls. */
function after(body: DataView, from: number): number {
  for (let i = from; i < body.byteLength; i++) if (body.getUint8(i) === 0) return i + 1
  return Number.NaN
}

/** ErrorResponse and NoticeResponse: (field type, string) until a zero. */
function report(body: DataView): boolean {
  let at = 0
  while (at < body.byteLength && body.getUint8(at) !== 0) at = after(body, at + 1)
  return at === body.byteLength - 1
}

function authentication(body: DataView): boolean {
  if (body.byteLength < 4) return false
  switch (body.getUint32(0)) {
    case 0: // Ok
    case 3: // CleartextPassword
      return body.byteLength === 4
    case 5: // MD5Password
      return body.byteLength === 8
    case 10: // SASL: names of mechanisms, then a zero
      return mechanisms(body)
    case 11: // SASLContinue
    case 12: // SASLFinal
      return true
    default:
      return false
  }
}

function mechanisms(body: DataView): boolean {
  let at = 4
  while (at < body.byteLength && body.getUint8(at) !== 0) at = after(body, at)
  return at === body.byteLength - 1
}

/** Each column: a name, then 18 bytes of table, type and format. */
function rowDescription(body: DataView): boolean {
  if (body.byteLength < 2) return false
  let at = 2
  for (let column = body.getUint16(0); column > 0; column--) at = after(body, at) + 18
  return at === body.byteLength
}

/** Each column: a length, −1 for null, then so many bytes. */
function dataRow(body: DataView): boolean {
  if (body.byteLength < 2) return false
  let at = 2
  for (let column = body.getUint16(0); column > 0; column--) {
    if (at + 4 > body.byteLength) return false
    at += 4 + Math.max(0, body.getInt32(at))
  }
  return at === body.byteLength
}
