// The life of a connection in named hops: startup → pick → dial → relay. After every wait a hop looks whether the session has
// ended meanwhile; whoever ends it (the client, the janitor, a drain, the gate) has then already said why.

import { pick, whyNone } from '../pools/pick.js'
import { readEncryptionAnswer } from '../protocol/backend.js'
import { readFirst } from '../protocol/first.js'
import type { Wire } from '../relay/wire.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import { askAgain, type Choice, dial, type Linked, type Request, stillRight } from './attempt.js'
import { cancel, keyName } from './cancel.js'
import { escort, type Key } from './escort.js'
import { awaitAnswer } from './first-answer.js'
import { hear } from './hear.js'
import type { Room } from './room.js'
import { doorOf, drop, refuse, type Session } from './session.js'
import { pausedWords } from './waitroom.js'

/** Takes a counted session through its life. Never rejects for anything a client or member does. */
export async function serve(session: Session, room: Room): Promise<void> {
  let request = await readRequest(session, room)
  let linked: Linked | undefined
  while (request && !session.end) {
    linked = linked ? await askAgain(session, linked, request, room) : await place(session, request, room)
    if (!linked) {
      if (session.end) return
      continue
    }
    if (!(await goesOnInPlaintext(session, request, linked))) return join(session, request, linked, room)
    request = await readRequest(session, room, linked.link)
  }
  linked?.link.destroy()
}

/** Hop 1. Reads one packet and no more; a cancel is served here, and what is no PostgreSQL is refused. */
async function readRequest(session: Session, room: Room, link?: Wire): Promise<Request | undefined> {
  const { inbound } = doorOf(session)
  const { startupTimeout: within } = session.config
  const late = `mekare: no startup packet within ${formatMs(within)} (startupTimeout)`
  const first = await hear(session, { read: readFirst, within, late }, room)
  if (!first) return undefined
  if (session.denied !== undefined && first.kind !== 'cancel') {
    refuse(session, 'refused_limit', session.denied, room)
    return undefined
  }
  if (first.kind === 'bad') {
    refuse(session, 'refused_startup', `mekare: ${first.why}`, room)
    return undefined
  }
  if (first.kind === 'direct_tls') return { kind: first.kind, packet: inbound.take(inbound.peek().length) }
  const packet = inbound.take(first.length)
  if (first.kind !== 'cancel') return { kind: first.kind, packet }
  link?.destroy()
  await cancel(session, first, packet, room)
  return undefined
}

/** Hops 2 and 3: picks and dials until a member answers, waiting its turn where nobody can be picked. */
async function place(session: Session, request: Request, room: Room): Promise<Linked | undefined> {
  const tried = new Set<string>()
  let failedAt: Ms | undefined
  let myTurn = session.listener.waitroom.size() === 0
  while (!session.end) {
    session.config = session.listener.rules()
    const choice = myTurn ? choose(session, tried, room) : undefined
    if (!choice) {
      await hold(session, failedAt, room)
      tried.clear()
      failedAt = undefined
      myTurn = true
      continue
    }
    const { entry } = choice
    const dialled = await dial(session, choice, request, room)
    if (dialled.kind === 'linked' && (session.end || !stillRight(session, entry))) dialled.link.destroy()
    else if (dialled.kind === 'linked') return { entry, ...dialled }
    if (dialled.kind === 'failed' && dialled.noDescriptor) {
      // Waiting would keep the one that it has from those who could use it.
      refuse(session, 'refused_limit', room.noDescriptor(), room)
      return undefined
    }
    if (dialled.kind === 'failed' && !dialled.interrupted) {
      session.failures++
      tried.add(entry.member.name)
    }
    myTurn = session.config.role !== 'primary' && tried.size > 0 && tried.size <= session.config.connectRetries
    if (!myTurn) failedAt = room.now()
  }
  return undefined
}

function choose(session: Session, tried: ReadonlySet<string>, room: Room): Choice | undefined {
  const { config, cluster, listener } = session
  if (listener.pausedFor() !== undefined) return undefined
  const entries = listener.cluster.pool(config)
  const picked = pick({
    entries,
    balance: config.balance,
    sessionsOn: member => room.table.on(cluster, member),
    maxSessionsPerMember: config.maxSessionsPerMember,
    tried,
    turn: listener.turn(),
    chance: room.chance(),
  })
  if (picked.kind === 'none') return undefined
  const { entry } = picked
  return { entry, alone: !entries.some(other => other.usable && other !== entry) }
}

/** Waits in the listener's queue. One that comes back keeps its place before the others, and does not go at once. */
async function hold(session: Session, failedAt: Ms | undefined, room: Room): Promise<void> {
  const returned = session.holdUntil !== undefined || failedAt !== undefined
  if (!returned) {
    const { listen, client } = session
    room.report({ kind: 'session_held', listen, client, why: whyHeld(session) })
  }
  const pause = returned ? Math.min(1000, 20 * 2 ** Math.min(session.failures, 6)) : 0
  await session.listener.waitroom.wait(session, returned, room.now() + pause)
}

/** In the words a refusal would use. */
function whyHeld(session: Session): string {
  const { cluster, pausedFor } = session.listener
  const paused = pausedFor()
  if (paused !== undefined) return pausedWords(paused)
  const { gate } = cluster.state()
  if (session.config.role === 'primary' && gate.kind === 'closed') return gate.why
  const entries = cluster.pool(session.config)
  return entries.some(entry => entry.usable) ? 'others wait before it, or no member has room' : whyNone(entries)
}

/** After `N` the client speaks on in plaintext over the same link; it is passed the answer and asked for its next packet. */
async function goesOnInPlaintext(session: Session, request: Request, { answer }: Linked): Promise<boolean> {
  if (request.kind !== 'ssl' && request.kind !== 'gssenc') return false
  if (answer.length !== 1 || readEncryptionAnswer(request.kind, answer[0] ?? 0) !== 'plaintext') return false
  doorOf(session).socket.write(answer)
  return true
}

/** Hop 4: hands both sockets to the relay with every byte already read, in order. A plaintext startup is escorted first. */
async function join(session: Session, request: Request, linked: Linked, room: Room): Promise<void> {
  const door = doorOf(session)
  const { socket, inbound } = door
  const { link, entry } = linked
  const member = entry.member.name
  session.linkedTo = entry.address
  // What is spread comes last, here and elsewhere in a login: a property added after it gives each object a hidden class of its own
  // (V8), which only a collection of the whole heap takes away.
  session.door = { link, ...door }
  room.table.move(session, 'joined', member)
  session.since = room.now()
  const plaintext = request.kind === 'startup'
  const { role } = session.config
  session.listener.cluster.tell({ kind: 'joined', role, member, heldFor: session.heldFor, plaintext })
  const { listen, client, heldFor, failures: retries, connectTook = ms(0) } = session
  room.report({ kind: 'session_joined', listen, client, member, heldFor, connectTook, retries })
  const escorted = plaintext
    ? await escort(session, { socket, inbound, link }, linked.answer)
    : { toLink: [inbound.release()], toSession: [linked.answer] }
  if (session.end) {
    link.destroy()
    return
  }
  const passed = {
    fromSession: socket.bytesRead - socket.readableLength - lengthOf(escorted.toLink),
    fromLink: link.bytesRead - link.readableLength - lengthOf(escorted.toSession),
  }
  if ('key' in escorted && escorted.key) {
    remember(session, escorted.key, room)
    // ReadyForQuery comes in the same packet.
    session.listener.cluster.tell({ kind: 'logged_in', role, member, took: ms(room.now() - session.since) })
  }
  session.attached = room.engine.attach({ session: socket, link, plaintext, passed, ...nonEmpty(escorted) }, session)
  session.door = undefined
  if (plaintext) awaitAnswer(session, room)
  // A cut that came while the startup was escorted takes effect now.
  if (session.cutting) session.attached.cut()
}

const lengthOf = (chunks: readonly Buffer[]) => chunks.reduce((sum, chunk) => sum + chunk.length, 0)

const nonEmpty = ({ toLink, toSession }: { toLink: readonly Buffer[]; toSession: readonly Buffer[] }) => ({
  toLink: toLink.filter(chunk => chunk.length > 0),
  toSession: toSession.filter(chunk => chunk.length > 0),
})

function remember(session: Session, cancelKey: Key, room: Room): void {
  session.cancelKey = keyName(session.cluster, cancelKey)
  room.keys.set(session.cancelKey, session)
}

/** The client has gone before it was joined. */
export function left(session: Session, error: string | undefined, room: Room): void {
  if (session.denied !== undefined) {
    refuse(session, 'refused_limit', session.denied, room)
    return
  }
  const end = session.state === 'held' ? 'client_left_held' : error === undefined ? 'client' : 'client_reset'
  drop(session, end, room, error)
}
