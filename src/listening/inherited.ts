// Listening sockets that this process was started with: descriptors from 3 on, each for one address of the configuration.

import type { Want } from './listening.js'

export interface Inherited {
  /** The descriptor of the socket for this, if there is one; whoever takes it owns it. */
  take(want: Want): number | undefined
  /** Closes what nobody took; gives their names. */
  closeRest(): readonly string[]
}

/** None: every socket is opened anew. */
export const NOTHING: Inherited = { take: () => undefined, closeRest: () => [] }
