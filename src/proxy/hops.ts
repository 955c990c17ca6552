// The life of a connection in named hops: startup → pick → dial → relay. A hop goes on to the next one at once, or leaves the login at a
// step that says what is waited for; what comes then calls here again. Whoever ends a session (the client, the janitor, a drain, the
// gate) ends its login with it: nothing is waited for any more, and no link is left.

import { whyNone } from '../pools/pick.js'
import { readEncryptionAnswer } from '../protocol/backend.js'
import { readFirst } from '../protocol/first.js'
import { formatMs, ms } from '../units/units.js'
import { answerTime, type Choice, choose, stillRight, tellDialled } from './attempt.js'
import { cancel } from './cancel.js'
import { ask, type DialFailure, failedFor, failure, judge, open, placeOf } from './dial.js'
import { escorted, join, passOn, relay } from './escort.js'
import { keep, NOTHING, take } from './inbound.js'
import { hearIntroduction, hearWord } from './introduction.js'
import type { Login } from './login.js'
import { drop, refuse, type Session } from './session.js'
import { begin } from './step.js'
import { pausedWords } from './waitroom.js'

/** Takes a counted session through its life. `introduced`: a balancer is to say first whom it connects for. */
export function serve(login: Login, introduced: boolean): void {
  const { session, room, socket } = login
  begin(login, introduced ? 'introduction' : 'startup', ms(room.now() + session.config.startupTimeout))
  socket.resume()
}

/** The client has sent something. */
export function clientSays(login: Login, bytes: Buffer): void {
  if (login.session.end) return
  if (login.step === 'escort') {
    passOn(login, bytes)
    return
  }
  keep(login, bytes)
  hearClient(login)
}

function hearClient(login: Login): void {
  if (login.step === 'introduction') hearIntroduction(login)
  if (login.step === 'word') hearWord(login)
  if (login.step === 'startup') hearStartup(login)
}

/** Hop 1. Reads one packet and no more; a cancel is served here, and what is no PostgreSQL is refused. */
function hearStartup(login: Login): void {
  const { session, room, held } = login
  const first = readFirst(held)
  if (first.kind === 'more') return
  begin(login, 'nothing')
  if (session.denied !== undefined && first.kind !== 'cancel') refuse(session, 'refused_limit', session.denied, room)
  else if (first.kind === 'bad') refuse(session, 'refused_startup', `mekare: ${first.why}`, room)
  else if (first.kind === 'cancel') {
    begin(login, 'cancel')
    login.link?.destroy()
    cancel(session, first, take(login, first.length), room).catch(error => room.bug(error, session))
  } else {
    login.request = first.kind
    login.packet = take(login, first.kind === 'direct_tls' ? held.length : first.length)
    if (login.again) askAgain(login)
    else place(login)
  }
}

/** Hop 2. Picks, or has it wait where others wait already. */
function place(login: Login): void {
  login.tried = undefined
  login.failedAt = undefined
  pickOrHold(login, login.session.listener.waitroom.size() === 0)
}

/** It was held, and it is its turn. */
export function letThrough(login: Login): void {
  if (login.session.end) return
  login.tried = undefined
  login.failedAt = undefined
  pickOrHold(login, true)
}

function pickOrHold(login: Login, myTurn: boolean): void {
  const { session, room } = login
  session.config = session.listener.rules()
  const choice = myTurn ? choose(session, login.tried, room) : undefined
  if (choice) dial(login, choice)
  else hold(login)
}

/** Waits in the listener's queue. One that comes back keeps its place before the others, and does not go at once. */
function hold(login: Login): void {
  const { session, room } = login
  const returned = session.holdUntil !== undefined || login.failedAt !== undefined
  if (!returned) {
    const { listen, client } = session
    room.report({ kind: 'session_held', listen, client, why: whyHeld(session) })
  }
  const pause = returned ? Math.min(1000, 20 * 2 ** Math.min(session.failures, 6)) : 0
  begin(login, 'held')
  session.listener.waitroom.wait(session, returned, room.now() + pause)
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

/** Hop 3. One try at one member, with the client's packet. */
function dial(login: Login, { entry, alone }: Choice): void {
  const { session, room } = login
  room.table.move(session, 'dialing', entry.member.name)
  session.joinedAs = entry.joinsAs
  login.entry = entry
  login.alone = alone
  login.askedAt = room.now()
  begin(login, 'connecting', ms(login.askedAt + session.config.connectTimeout))
  login.link = open(entry.address, room.engine.wires)
  login.link.ear = login
  // To a member on this machine it may stand at once; of one that has failed at once its end tells.
  if (!login.link.connecting && !login.link.destroyed) linkOpened(login)
}

export function linkOpened(login: Login): void {
  if (login.step === 'connecting') askMember(login, answerTime(login.session, login.alone))
}

function askMember(login: Login, within: number): void {
  begin(login, 'answer', ms(login.room.now() + within))
  ask(login)
  // What speaks TLS from the first byte is not waited for.
  if (login.request === 'direct_tls') answered(login, NOTHING)
}

/** The next packet over the link that has answered N. */
function askAgain(login: Login): void {
  login.askedAt = login.room.now()
  if (login.link?.destroyed) failed(login, failure('refused', `${placeOf(login)}: closed the connection`))
  else askMember(login, login.session.config.startupTimeout)
}

/** The member has sent something. */
export function memberSays(login: Login, bytes: Buffer): void {
  if (login.step === 'escort') {
    escorted(login, bytes)
    return
  }
  if (login.step !== 'answer') return
  const said = login.answer.length === 0 ? bytes : Buffer.concat([login.answer, bytes])
  const verdict = judge(login, bytes, said.length)
  if (verdict === 'good') answered(login, said)
  else if (verdict === 'more') login.answer = said === bytes ? Buffer.from(bytes) : said
  else failed(login, failure('starting', `${placeOf(login)}: ${verdict.refused}`))
}

/** It takes the session. `answer` is not passed on yet. */
function answered(login: Login, answer: Buffer): void {
  const { session, room, entry, link, again } = login
  begin(login, 'nothing')
  link?.pause()
  const took = ms(room.now() - login.askedAt)
  if (!again) {
    session.connectTook = took
    tellDialled(login, undefined, took)
    if (session.end) return
  }
  if (!entry || !link || !stillRight(session, entry)) wrongNow(login, took)
  else if (isRefusal(login, answer)) goOnInPlaintext(login, answer)
  else join(login, entry, link, answer)
}

/** While the dial was under way the gate has moved, or the member. */
function wrongNow(login: Login, took: number): void {
  const { again } = login
  if (again) tellDialled(login, undefined, ms(took))
  leaveLink(login)
  if (login.session.end) return
  if (again) place(login)
  else tryNext(login)
}

/** N to an encryption request. */
function isRefusal({ request }: Login, answer: Buffer): boolean {
  if (request !== 'ssl' && request !== 'gssenc') return false
  return answer.length === 1 && readEncryptionAnswer(request, answer[0] ?? 0) === 'plaintext'
}

/** The client is passed the N and speaks on over the same link. */
function goOnInPlaintext(login: Login, answer: Buffer): void {
  const { session, room, socket } = login
  login.again = true
  begin(login, 'startup', ms(room.now() + session.config.startupTimeout))
  socket.write(answer)
  if (login.held.length > 0) hearStartup(login)
}

/** The dial has failed: the next member, or back to where one waits. */
function failed(login: Login, result: DialFailure): void {
  const { session, room, entry, again } = login
  begin(login, 'nothing')
  leaveLink(login)
  const took = ms(room.now() - login.askedAt)
  if (!again) session.connectTook = took
  tellDialled(login, result, took)
  if (session.end) return
  if (!result.interrupted) session.failures++
  if (again) place(login)
  else if (result.noDescriptor) {
    // Waiting would keep the one that it has from those who could use it.
    refuse(session, 'refused_limit', room.noDescriptor(), room)
  } else {
    if (!result.interrupted && entry) login.tried = (login.tried ?? new Set()).add(entry.member.name)
    tryNext(login)
  }
}

function tryNext(login: Login): void {
  const { session, room, tried } = login
  const { role, connectRetries } = session.config
  const another = role !== 'primary' && tried !== undefined && tried.size <= connectRetries
  if (!another) login.failedAt = room.now()
  pickOrHold(login, another)
}

function leaveLink(login: Login): void {
  login.link?.destroy()
  login.link = undefined
  login.again = false
}

/** The member has ended its side: no answer comes. An escort leaves it to the relay to pass on. */
export function memberEnded(login: Login): void {
  if (login.step === 'answer') failed(login, failure('refused', `${placeOf(login)}: ${NO_ANSWER}`))
  else if (login.step === 'escort') relay(login)
}

/** The link is no more. */
export function linkFailed(login: Login, error?: Error): void {
  if (login.step === 'connecting' || login.step === 'answer')
    failed(login, error ? failedFor(placeOf(login), error) : failure('refused', `${placeOf(login)}: ${NO_ANSWER}`))
  else if (login.step === 'escort') relay(login)
}

const NO_ANSWER = 'closed the connection without an answer'

/** The client has ended its side, or failed. Once it is joined that is the relay's to pass on: it may have half-closed behind its last words. */
export function clientEnded(login: Login, error?: Error): void {
  const { session, room } = login
  if (session.end) return
  if (login.step === 'escort') relay(login)
  else if (session.denied !== undefined) refuse(session, 'refused_limit', session.denied, room)
  else {
    const end = session.state === 'held' ? 'client_left_held' : error === undefined ? 'client' : 'client_reset'
    drop(session, end, room, error?.message)
  }
}

/** What is waited for has not come in time. */
export function overdue(login: Login): void {
  const { session, room, step } = login
  const { startupTimeout, connectTimeout } = session.config
  if (step === 'introduction' || step === 'word' || step === 'startup') {
    const missing = step === 'introduction' ? 'PROXY protocol header' : 'startup packet'
    const why = `mekare: no ${missing} within ${formatMs(startupTimeout)} (startupTimeout)`
    refuse(session, 'refused_timeout', why, room)
  } else if (step === 'connecting') {
    failed(login, failure('timeout', `${placeOf(login)}: no connection within ${formatMs(connectTimeout)}`))
  } else if (step === 'answer') {
    const patience = formatMs(login.again ? startupTimeout : answerTime(session, login.alone))
    const why = `${placeOf(login)}: accepted the connection but gave no answer within ${patience}`
    failed(login, failure('timeout', why))
  }
}

/** A dial that has become wrong is given up, which says nothing of the member. A cut ends an escort; the relay then carries it out. */
export function interrupted(login: Login): void {
  if (login.step === 'escort') relay(login)
  else if (login.step === 'connecting' || login.step === 'answer')
    failed(login, { ...failure('unclear', `${placeOf(login)}: given up`), interrupted: true })
}
