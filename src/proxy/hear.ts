// Hears a client out until what it says makes sense, within a time. Ends no session but one that says nothing in time.

import { type Ms, ms } from '../units/units.js'
import type { Room } from './room.js'
import { doorOf, refuse, type Session } from './session.js'
import { begin } from './wait.js'

/** What a reader makes of the bytes received so far; `more`: nothing yet. Its other answers end the hearing. */
interface Heard {
  readonly kind: string
}

export interface Hearing<T extends Heard> {
  readonly read: (bytes: Buffer) => T
  readonly within: Ms
  /** What one is told that says nothing in time. */
  readonly late: string
}

/** Asks `read` each time more has come. Undefined: the session has ended meanwhile. Takes nothing of what was received. */
export async function hear<T extends Heard>(
  session: Session,
  { read, within, late }: Hearing<T>,
  room: Room,
): Promise<Exclude<T, { kind: 'more' }> | undefined> {
  const { inbound } = doorOf(session)
  const until = ms(room.now() + within)
  // A change of the gate interrupts dials; a client that is still to speak keeps its time.
  const waitForClient = () =>
    begin(session, until, why => {
      if (why === 'overdue') refuse(session, 'refused_timeout', late, room)
      else if (!session.end) waitForClient()
    })
  waitForClient()
  let heard = read(inbound.peek())
  while (heard.kind === 'more' && !session.end) {
    await inbound.more()
    if (inbound.gone() === undefined || inbound.peek().length > 0) heard = read(inbound.peek())
  }
  session.wait = undefined
  return session.end || heard.kind === 'more' ? undefined : (heard as Exclude<T, { kind: 'more' }>)
}
