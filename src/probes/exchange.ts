// What is said when the question is put to a server that has let us in: one packet goes there and one comes back, and hardly anything is
// made for it: this runs each second for years, too seldom ever to be compiled. Knows the extended query protocol (PostgreSQL manual,
// "Message Flow"), and is given whole messages (frames.ts). Knows no socket.

import { createBackendScanner } from '../protocol/backend.js'
import { message } from '../protocol/write.js'
import { QUESTION } from './question.js'

/** The columns of a row as text. */
export type Row = readonly (string | null)[]

const HEAD = 5

const text = (body: string) => Buffer.from(body, 'latin1')

/**
 * The packet that asks: Parse, Bind without parameters and with every column as text, Execute, Sync. Nothing is left prepared at the server,
 * so that a pooler in between that gives each transaction another one does no harm.
 */
export const ASK = Buffer.concat([
  message('P', text(`\0${QUESTION}\0\0\0`)),
  message('B', text('\0\0\0\0\0\0\0\0')),
  message('E', text('\0\0\0\0\0')),
  message('S', text('')),
])

/** What came of it: the row, if there was one, or the server's error, which `pg` would throw alike. */
export type Reply = { readonly row: Row | undefined } | { readonly error: Error & { readonly code: string } }

/** Hears one answer. Gives the reply once it is whole, and how many of the bytes belong to it. */
export function createHearing(): (messages: Buffer) => { readonly reply: Reply; readonly length: number } | undefined {
  let row: Row | undefined
  return messages => {
    for (let at = 0, next = 0; at < messages.length; at = next) {
      next = at + 1 + messages.readUInt32BE(at + 1)
      const type = messages[at]
      if (type === DATA_ROW) row = rowOf(messages, at + HEAD)
      else if (type === ERROR_RESPONSE) return { reply: { error: errorOf(messages.subarray(at, next)) }, length: next }
      else if (type === READY_FOR_QUERY) return { reply: { row }, length: next }
    }
    return undefined
  }
}

const [DATA_ROW, ERROR_RESPONSE, READY_FOR_QUERY] = [0x44, 0x45, 0x5a]

function rowOf(bytes: Buffer, body: number): Row {
  const row: (string | null)[] = []
  let at = body + 2
  for (let left = bytes.readUInt16BE(body); left > 0; left--) {
    const length = bytes.readInt32BE(at)
    at += 4
    row.push(length < 0 ? null : bytes.toString('latin1', at, at + length))
    at += Math.max(0, length)
  }
  return row
}

function errorOf(bytes: Buffer): Error & { readonly code: string } {
  const [seen] = createBackendScanner().feed(bytes)
  const { message, code } = seen?.kind === 'error' ? seen : { message: 'an error without words', code: '' }
  return Object.assign(new Error(message), { code })
}
