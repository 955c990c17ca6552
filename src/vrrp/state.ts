// What a virtual router remembers, what can happen to it, and what it asks to be done: the words of the VRRP machine.
// Knows the states of RFC 9568, section 6.3, and one more, fault. Decides nothing.

import type { Ip } from '../units/ip.js'
import type { Ms } from '../units/units.js'

/** The priority of the owner of the addresses (RFC 9568, section 5.2.4): it starts as master. */
export const OWNER = 255

export interface Setup {
  readonly version: 2 | 3
  /** 1 to 255. */
  readonly priority: number
  readonly interval: Ms
  readonly preempt: boolean
  /** How long a master of lower priority is left alone, counted from its first advert. */
  readonly preemptDelay: Ms
  /** `repeat` announcements at once, `repeat` more after `again`, then one round every `refresh`; 0 leaves a round out. */
  readonly garp: { readonly repeat: number; readonly again: Ms; readonly refresh: Ms }
  /** The source of our adverts: between equal priorities the greater address is master. */
  readonly address: Ip
  /** A member of a sync group becomes master only when the group says so (`claim`). */
  readonly grouped: boolean
}

/** The other master a backup knows of. */
export interface Heard {
  readonly address: Ip
  readonly priority: number
  readonly at: Ms
  /** It said goodbye with priority 0. */
  readonly left: boolean
}

export interface Backup {
  readonly role: 'backup'
  /** RFC 9568's Active_Down_Timer, RFC 3768's Master_Down_Timer. */
  readonly masterDownAt: Ms
  /** Active_Adver_Interval: learnt from the master in v3, our own in v2. */
  readonly interval: Ms
  readonly heard: Heard | undefined
  /** When a master of lower priority was first heard; counts the preemptDelay. */
  readonly lowerSince: Ms | undefined
  /** A late wake-up was already answered by listening once more; the next one claims. */
  readonly listenedAgain: boolean
  /** Ready to be master, and waiting: for the other members of its sync group, or for the witness. */
  readonly wants: boolean
}

export type Round = 'first' | 'again' | 'refresh' | 'rival'

export interface Master {
  readonly role: 'master'
  readonly sentAt: Ms
  /** RFC 9568's Adver_Timer. */
  readonly advertAt: Ms
  readonly announcedAt: Ms
  /** The next round of announcements; undefined when none is due any more. */
  readonly announce: { readonly at: Ms; readonly round: Round } | undefined
}

export type Phase =
  | { readonly role: 'initialize' }
  | Backup
  | Master
  /** Something the addresses need is broken: silent until every fault is over. */
  | { readonly role: 'fault' }

export type Role = Phase['role']

/** Whom an outside witness names as the only one who may be master. */
export type Witness =
  /** There is none. */
  | { readonly kind: 'none' }
  /** Not known: it has not answered yet, or named us until a moment ago. */
  | { readonly kind: 'unheard' }
  | { readonly kind: 'free' }
  | { readonly kind: 'ours' }
  | { readonly kind: 'other'; readonly holder: string }
  | { readonly kind: 'silent'; readonly why: string }

export interface State {
  readonly setup: Setup
  readonly phase: Phase
  /** When the role last changed. */
  readonly since: Ms
  /** What tracks take off the priority now. */
  readonly lowered: number
  /** What is broken, by name, in words. */
  readonly faults: ReadonlyMap<string, string>
  /** Adverts of other masters heard while we stayed master, and the last of them. */
  readonly rivals: { readonly count: number; readonly last: Heard | undefined }
  readonly witness: Witness
}

export type Input =
  | { readonly kind: 'time' }
  | { readonly kind: 'start' }
  | { readonly kind: 'stop' }
  /** An advert that passed every check of readAdvert(). */
  | { readonly kind: 'advert'; readonly from: Ip; readonly priority: number; readonly interval: Ms }
  /** What tracks take off the priority from now on, all together. */
  | { readonly kind: 'lowered'; readonly by: number }
  | { readonly kind: 'fault'; readonly name: string; readonly why: string }
  | { readonly kind: 'fault_over'; readonly name: string }
  /** The operator wants the addresses here, whatever preempt says. */
  | { readonly kind: 'takeover' }
  /** A new configuration. */
  | { readonly kind: 'setup'; readonly setup: Setup }
  /** The sync group's word: be master now, or cease to be. */
  | { readonly kind: 'claim' }
  | { readonly kind: 'yield'; readonly why: string }
  /** Make a master of lower priority give way, whom the witness names. */
  | { readonly kind: 'campaign' }
  | { readonly kind: 'witness'; readonly witness: Witness }

/** Why a role changed. The same word reaches the log line and the event. */
export const WHYS = [
  'started',
  'stopped',
  'owner', // priority 255 starts as master
  'nobody_heard', // no master spoke since we listen
  'master_silent', // the master was not heard for the master down interval
  'master_left', // the master said goodbye
  'preempted', // the master has a lower priority and we preempt
  'outranked', // a master of higher priority, or of equal priority and greater address, spoke
  'takeover', // the operator asked
  'fault',
  'fault_over',
  'late', // we did not run for so long that another must be master by now
  'group', // the sync group moves as one
  'witness', // the witness names another
] as const

export type Why = (typeof WHYS)[number]

export type Action =
  /** Send an advert with this priority to every destination. */
  | { readonly kind: 'advert'; readonly priority: number }
  /** Put the addresses on the interface; every acquire is followed by one release. */
  | { readonly kind: 'acquire' }
  | { readonly kind: 'release' }
  /** Send so many gratuitous ARPs or neighbour advertisements for each address. */
  | { readonly kind: 'announce'; readonly repeat: number; readonly round: Round }
  | {
      readonly kind: 'transition'
      readonly from: Role
      readonly to: Role
      readonly why: Why
      readonly detail: string
    }
  /** Another master, whom we outrank, has begun to speak. Told once until it has been quiet for a while; `count` has every advert. */
  | { readonly kind: 'rival'; readonly address: Ip; readonly priority: number; readonly count: number }
  | { readonly kind: 'takeover_refused'; readonly why: string }
  /** It would be master now, but the witness names another. Told once each time that begins. */
  | { readonly kind: 'withheld'; readonly holder: string }

export type Result = readonly [State, readonly Action[]]
