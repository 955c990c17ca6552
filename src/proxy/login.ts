// One client's connection until the relay has it: what was read of it, whom it is dialled to, and at which step it is. All of it is one
// flat object that hears both its wires; what follows of what it hears is hops.ts's to say.

import type { PoolEntry } from '../pools/pool.js'
import type { BackendScanner } from '../protocol/backend.js'
import type { Ear, Wire } from '../relay/wire.js'
import { type Ms, ms } from '../units/units.js'
import type { Admit } from './accept.js'
import type { Key } from './cancel.js'
import * as hops from './hops.js'
import { type Inbound, NOTHING } from './inbound.js'
import type { Room } from './room.js'
import type { Session } from './session.js'
import { NEVER, type Step, type Waiting } from './step.js'

/** A first packet that wants a member. */
export type Request = 'ssl' | 'gssenc' | 'startup' | 'direct_tls'

export class Login implements Ear, Inbound, Waiting {
  step: Step = 'nothing'
  until: Ms = NEVER
  held = NOTHING
  /** The packet that wants a member, kept for as long as another member may have to be asked it. */
  request: Request = 'startup'
  packet = NOTHING
  /** From the dial on, and whom it leads to. */
  link: Wire | undefined
  entry: PoolEntry | undefined
  /** Nobody else could take the session. */
  alone = false
  /** The link has answered N: the next packet goes over it too. */
  again = false
  /** When the member was dialled, or asked again. */
  askedAt: Ms = ms(0)
  /** Reads what a member answers to a plaintext startup. */
  scanner: BackendScanner | undefined
  /** What it has answered so far, while that does not say yet whether it takes the session. */
  answer = NOTHING
  /** Nothing more is to be learned from a plaintext startup; the cancel key, if it brought one. */
  settled = false
  key: Key | undefined
  /** Members tried in vain since it was last its turn. */
  tried: Set<string> | undefined
  failedAt: Ms | undefined

  constructor(
    readonly session: Session,
    readonly socket: Wire,
    readonly room: Room,
    /** Judges a client that a balancer has introduced. */
    readonly admit: Admit,
    /** The host it was accepted from. */
    readonly from: string,
  ) {
    socket.ear = this
  }

  heard(wire: Wire, bytes: Buffer): void {
    try {
      if (wire === this.socket) hops.clientSays(this, bytes)
      else if (wire === this.link) hops.memberSays(this, bytes)
    } catch (error) {
      this.room.bug(error, this.session)
    }
  }

  opened(wire: Wire): void {
    if (wire === this.link) this.go(hops.linkOpened)
  }

  ended(wire: Wire): void {
    if (wire === this.socket) this.go(hops.clientEnded)
    else if (wire === this.link) this.go(hops.memberEnded)
  }

  drained(wire: Wire): void {
    if (this.step !== 'escort') return
    if (wire === this.socket) this.link?.resume()
    else if (wire === this.link) this.socket.resume()
  }

  closed(wire: Wire, error?: Error): void {
    if (wire === this.link) this.go(hops.linkFailed, error)
    else if (wire !== this.socket) return
    else if (this.session.end) this.room.table.remove(this.session)
    else this.go(hops.clientEnded, error)
  }

  /** It was held, and it is its turn. */
  letThrough(): void {
    this.go(hops.letThrough)
  }

  /** The step has lasted too long. */
  overdue(): void {
    this.go(hops.overdue)
  }

  /** What it is dialled to has become wrong, or it is to be cut. */
  interrupt(): void {
    this.go(hops.interrupted)
  }

  /** The session has ended: it waits for nothing, and has no link any more. The client's wire is for whoever says goodbye. */
  over(): void {
    const { session, step } = this
    this.step = 'nothing'
    this.until = NEVER
    if (step === 'held') session.listener.waitroom.leave(session)
    this.link?.destroy()
  }

  /** An error that is ours ends this session and no other. */
  private go(hop: (login: Login, error?: Error) => void, error?: Error): void {
    try {
      hop(this, error)
    } catch (bug) {
      this.room.bug(bug, this.session)
    }
  }
}
