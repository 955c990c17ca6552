// How one process of the router takes another's place without a client noticing. Two processes of the same program, maybe of two
// versions, speak over Node's channel between parent and child, a JSON message each:
//
//   old   starts the new one with its own arguments; its listening sockets are descriptors 3, 4, … of the new one
//   old → inherit   which socket is which address; which listeners could serve when this began; pauses and drains in force
//   new             reads the configuration, follows its clusters, and waits until it could serve what the old one could
//   new → ready     or `failed`, with the reason, before it ends; or it dies; or its time runs out: then the old one goes on alone
//   old             tells its sidecars that a successor comes, and lets go of the incidents
//   old → take      with the pauses and drains as they are now
//   new             accepts on the same sockets: both processes do for a moment, and the kernel gives each client to one of them
//   new → taken     which sockets; or `failed`, as above: those of the old one have listened all the while
//   old             closes its own descriptors of the sockets, which go on in the new one with all that waits in their queues;
//                   tells the service manager whom to watch (MAINPID), lets go of the sidecars, who come to the new one
//   old → main      the new one says READY from here on
//   old → draining  twice a second: how many sessions are left and how long they have. Then it ends.
//
// Whoever came to the old process stays there, joined, being joined, or waiting for the gate: for drainTimeout at most. Messages and
// fields that the other end does not know are passed over, so that versions can differ.

import type { HandedOn } from '../listening/inherited.js'
import type { Ms } from '../units/units.js'
import type { Ordered } from './orders.js'

export type ToSuccessor =
  | {
      readonly kind: 'inherit'
      readonly pid: number
      readonly sockets: readonly HandedOn[]
      readonly ready: readonly string[]
      readonly orders: Ordered
    }
  | { readonly kind: 'take'; readonly orders: Ordered }
  | { readonly kind: 'main' }
  | { readonly kind: 'draining'; readonly sessions: number; readonly left: Ms }

export type ToPredecessor =
  /** Not ready yet, and why. */
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'taken'; readonly keys: readonly string[] }
  /** `config`: its operator's to mend. */
  | { readonly kind: 'failed'; readonly why: string; readonly config: boolean }

/** Tells a process that it is a successor, and whose: no key of the configuration, so it has not their prefix. */
export const SUCCESSOR_OF = '_MEKARE_SUCCESSOR_OF'

/** How long a successor has until it could serve, and then until it accepts, in milliseconds. */
export const READY_WITHIN_MS = 30_000
export const TAKEN_WITHIN_MS = 10_000
