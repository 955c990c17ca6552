// Everything worth telling, as one union. report(event) writes the log line and moves the counter, so they cannot disagree.
// Never carries a secret, a query or a password.

import type { Answer } from '../health/answer.js'
import type { Incident } from '../incidents/incident.js'
import type { ClosedBecause } from '../pools/gate.js'
import type { End, Refusal } from '../sessions/end.js'
import type { Bytes, Ms } from '../units/units.js'
import type { Drop } from '../vrrp/read.js'
import type { Role, Why } from '../vrrp/state.js'

/** A client as logs may show it: `10.0.0.7:41234`, or `unix`. */
export type ClientName = string

export type Event =
  | { readonly kind: 'started'; readonly version: string; readonly name: string; readonly engine: 'net' | 'native' }
  | { readonly kind: 'stopping'; readonly why: string; readonly sessions: number }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'listening'; readonly listen: string; readonly address: string }
  | { readonly kind: 'warned'; readonly what: string }
  /** `from` and `to` are digests of the configuration; `changes` its keys in words, no secret among them. */
  | { readonly kind: 'reloaded'; readonly from: string; readonly to: string; readonly changes: readonly string[] }
  | { readonly kind: 'reload_refused'; readonly why: string }
  | { readonly kind: 'restart_failed'; readonly why: string }
  /** This process has been taken the place of; its sessions have `within` to end. */
  | { readonly kind: 'handed_over'; readonly to: number; readonly sessions: number; readonly within: Ms }
  | { readonly kind: 'took_over'; readonly from: number; readonly pid: number }
  /** Of the process or of the machine; `limit` is the process's. */
  | { readonly kind: 'descriptors_used_up'; readonly limit: number }
  | { readonly kind: 'descriptors_left'; readonly limit: number; readonly lasted: Ms }
  // what an operator has ordered
  | { readonly kind: 'listener_paused'; readonly listen: string; readonly paused: boolean; readonly lasted?: Ms }
  | { readonly kind: 'router_drained'; readonly drained: boolean; readonly lasted?: Ms }
  | { readonly kind: 'switchover_ordered'; readonly cluster: string; readonly from: string; readonly to: string }
  | {
      readonly kind: 'switchover_refused'
      readonly cluster: string
      readonly from: string
      readonly to: string
      readonly why: string
    }
  /** Somebody outside was told of something, or could not be: `why`. */
  | {
      readonly kind: 'hook_ran'
      readonly hook: string
      readonly told: string
      readonly took: Ms
      readonly why?: string
    }
  /** Somebody outside was not told of something: so much has been told in the last minute, or too much waits for the one that runs. */
  | {
      readonly kind: 'hook_dropped'
      readonly hook: string
      readonly told: string
      readonly because: 'perMinute' | 'waiting'
    }
  // the source
  | { readonly kind: 'source_answers'; readonly cluster: string; readonly silentFor?: Ms }
  | { readonly kind: 'source_silent'; readonly cluster: string; readonly why: string }
  | {
      readonly kind: 'source_moved'
      readonly cluster: string
      readonly from: string
      readonly to?: string
      readonly why: string
    }
  | { readonly kind: 'source_problem'; readonly cluster: string; readonly problem: string }
  // the other proxies of the scope
  | { readonly kind: 'proxy_appeared'; readonly cluster: string; readonly proxy: string; readonly version: string }
  | { readonly kind: 'proxy_gone'; readonly cluster: string; readonly proxy: string }
  // the leader and the gate
  | { readonly kind: 'first_sign'; readonly cluster: string; readonly sign: string }
  | { readonly kind: 'leader_key_gone'; readonly cluster: string; readonly leader: string }
  | { readonly kind: 'leader_changed'; readonly cluster: string; readonly from?: string; readonly to: string }
  | {
      readonly kind: 'gate_opened'
      readonly cluster: string
      readonly member: string
      readonly closedFor: Ms
      /** How long before that something still forbade it: the member asked and no primary yet, or what the source said. */
      readonly lastNo?: Ms
    }
  | { readonly kind: 'gate_closed'; readonly cluster: string; readonly because: ClosedBecause; readonly why: string }
  | {
      readonly kind: 'first_write'
      readonly cluster: string
      readonly member: string
      readonly held: Ms
      /** Its login passes in plaintext: first_login will tell when it, or another one's, has ended, and first_answer of its answer. */
      readonly plaintext: boolean
    }
  | { readonly kind: 'first_login'; readonly cluster: string; readonly member: string; readonly took: Ms }
  | { readonly kind: 'first_answer'; readonly cluster: string; readonly member: string; readonly ago: Ms }
  | { readonly kind: 'incident_ended'; readonly cluster: string; readonly incident: Incident }
  // members
  | { readonly kind: 'member_appeared'; readonly cluster: string; readonly member: string; readonly address: string }
  | { readonly kind: 'member_vanished'; readonly cluster: string; readonly member: string }
  | { readonly kind: 'member_forgotten'; readonly cluster: string; readonly member: string; readonly why: string }
  | { readonly kind: 'member_up'; readonly cluster: string; readonly member: string }
  | { readonly kind: 'member_down'; readonly cluster: string; readonly member: string; readonly why: string }
  | { readonly kind: 'pooler_up'; readonly cluster: string; readonly member: string }
  | { readonly kind: 'pooler_down'; readonly cluster: string; readonly member: string; readonly why: string }
  | { readonly kind: 'member_drained'; readonly cluster: string; readonly member: string; readonly drained: boolean }
  | {
      readonly kind: 'pool_changed'
      readonly cluster: string
      readonly listen: string
      readonly member: string
      readonly usable: boolean
      readonly why: string
    }
  | {
      readonly kind: 'probed'
      readonly cluster: string
      readonly member: string
      readonly took: Ms
      readonly said: Answer['kind']
    }
  // sessions
  | {
      readonly kind: 'session_refused'
      readonly listen: string
      readonly client: ClientName
      readonly end: Refusal
      readonly message: string
    }
  | { readonly kind: 'session_held'; readonly listen: string; readonly client: ClientName; readonly why: string }
  | {
      readonly kind: 'session_joined'
      readonly listen: string
      readonly client: ClientName
      readonly member: string
      readonly heldFor: Ms
      readonly connectTook: Ms
      /** Failed dials before the one that joined it. */
      readonly retries: number
    }
  | {
      readonly kind: 'session_ended'
      readonly listen: string
      readonly client: ClientName
      readonly member?: string
      readonly end: End
      readonly lasted: Ms
      readonly fromClient: Bytes
      readonly fromMember: Bytes
      /** Absent where they were not counted. */
      readonly queries?: number
      readonly error?: string
      /** How long ago the member last answered; of an encrypted session, last sent anything. */
      readonly answeredAgo?: Ms
      /** How long ago the member began to end it, where it did. */
      readonly partedAgo?: Ms
    }
  | {
      readonly kind: 'sessions_cut'
      readonly cluster: string
      readonly listen: string
      readonly member: string
      readonly count: number
      readonly end: End
    }
  | {
      readonly kind: 'dial_failed'
      readonly cluster: string
      readonly listen: string
      readonly member: string
      readonly why: string
    }
  | {
      readonly kind: 'cancel'
      readonly listen: string
      readonly how: 'known' | 'asked' | 'limited' | 'nobody'
      readonly members: number
    }
  // floating addresses, told by the sidecar
  | VrrpEvent

export type VrrpEvent =
  | {
      readonly kind: 'vrrp_changed'
      readonly name: string
      readonly from: Role
      readonly to: Role
      readonly why: Why
      readonly detail: string
    }
  | {
      readonly kind: 'vrrp_rival'
      readonly name: string
      readonly address: string
      readonly priority: number
      readonly count: number
    }
  /** It would be master, but the witness names another host. */
  | { readonly kind: 'vrrp_withheld'; readonly name: string; readonly holder: string }
  /** The witness of these virtual routers has fallen silent, or answers again. */
  | { readonly kind: 'vrrp_witness'; readonly names: readonly string[]; readonly silent: boolean; readonly why: string }
  | { readonly kind: 'vrrp_dropped'; readonly name: string; readonly drop: Drop; readonly why: string }
  /** A master announces other addresses than ours. */
  | { readonly kind: 'vrrp_differs'; readonly name: string; readonly why: string }
  | {
      readonly kind: 'vrrp_address'
      readonly name: string
      readonly address: string
      readonly done: 'added' | 'removed' | 'put back' | 'left behind'
    }
  | { readonly kind: 'vrrp_duplicate'; readonly name: string; readonly address: string; readonly mac: string }
  /** Something the kernel refused; gone on from. */
  | { readonly kind: 'vrrp_failed'; readonly name: string; readonly why: string }
  | { readonly kind: 'vrrp_lowered'; readonly name: string; readonly by: number; readonly why: string }
  | { readonly kind: 'vrrp_started'; readonly version: string; readonly name: string }
  | { readonly kind: 'vrrp_stopped' }

export type Report = (event: Event) => void
