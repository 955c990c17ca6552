// Hop 4: a member has answered, and both wires go to the relay with every byte already read, in order. A plaintext startup is escorted
// first: both sides' bytes are passed on until BackendKeyData has passed, or the startup has ended otherwise.

import type { PoolEntry } from '../pools/pool.js'
import type { Wire } from '../relay/wire.js'
import { ms } from '../units/units.js'
import { keyName } from './cancel.js'
import { note } from './dial.js'
import { awaitAnswer } from './first-answer.js'
import { NOTHING, take } from './inbound.js'
import type { Login } from './login.js'
import { begin } from './step.js'

/** The member has the session. `answer`: what it has said already, not yet passed on. */
export function join(login: Login, entry: PoolEntry, link: Wire, answer: Buffer): void {
  const { session, room, socket } = login
  const member = entry.member.name
  session.linkedTo = entry.address
  room.table.move(session, 'joined', member)
  session.since = room.now()
  const plaintext = login.request === 'startup'
  const { role } = session.config
  session.listener.cluster.tell({ kind: 'joined', role, member, heldFor: session.heldFor, plaintext })
  const { listen, client, heldFor, failures: retries, connectTook = ms(0) } = session
  room.report({ kind: 'session_joined', listen, client, member, heldFor, connectTook, retries })
  if (session.end) return
  // A pooler, and a server that trusts, say all of it at once.
  if (!plaintext || login.settled || session.cutting) {
    relay(login, answer)
    return
  }
  begin(login, 'escort')
  if (login.held.length > 0) passOn(login, take(login, login.held.length))
  if (socket.write(answer)) link.resume()
}

/** The client's bytes, to the member. */
export function passOn({ socket, link }: Login, bytes: Buffer): void {
  if (!link?.write(bytes)) socket.pause()
}

/** The member's bytes, to the client. */
export function escorted(login: Login, bytes: Buffer): void {
  note(login, login.scanner?.feed(bytes) ?? [])
  if (login.settled) relay(login, bytes)
  else if (!login.socket.write(bytes)) login.link?.pause()
}

/** The relay has both wires from here on. `rest`: what the member has said, not yet passed on. */
export function relay(login: Login, rest: Buffer = NOTHING): void {
  const { session, room, socket, link, held, key, request } = login
  if (!link) return
  begin(login, 'nothing')
  login.held = NOTHING
  login.link = undefined
  const { role } = session.config
  const { member } = session
  if (key) {
    session.cancelKey = keyName(session.cluster, key)
    room.keys.set(session.cancelKey, session)
    // ReadyForQuery comes in the same packet.
    if (member !== undefined)
      session.listener.cluster.tell({ kind: 'logged_in', role, member, took: ms(room.now() - session.since) })
  }
  const plaintext = request === 'startup'
  const passed = { fromSession: socket.bytesRead - held.length, fromLink: link.bytesRead - rest.length }
  const toLink = held.length === 0 ? NONE : [held]
  const toSession = rest.length === 0 ? NONE : [Buffer.from(rest)]
  const pair = { session: socket.stream(), link: link.stream(), toLink, toSession, passed, plaintext }
  session.attached = room.engine.attach(pair, session)
  session.login = undefined
  if (plaintext) awaitAnswer(session, room)
  // A cut that came while the startup was escorted takes effect now.
  if (session.cutting) session.attached.cut()
}

const NONE: readonly Buffer[] = []
