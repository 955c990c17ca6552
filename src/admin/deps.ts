// What the admin address and the control socket need of the rest of the program, as one small object that main fills.

import type { Duplex } from 'node:stream'
import type { History } from '../history/history.js'
import type { Incident } from '../incidents/incident.js'
import type { Bound, Listening } from '../listening/listening.js'
import type { SessionStatus, Status } from '../pools/status.js'
import type { Feeds } from './feed.js'

export type Outcome =
  | { readonly ok: true; readonly said: string }
  /** `blame: 'config'`: the configuration is wrong, and its operator's to mend. */
  | { readonly ok: false; readonly why: string; readonly blame?: 'config' }

type Refused = Extract<Outcome, { ok: false }>

/** A cluster need only be named where there are several; `from`: who must lead still. */
export interface SwitchoverWish {
  readonly cluster?: string
  readonly from?: string
  readonly to?: string
}

/** What a switchover would do. */
export interface SwitchoverPlan {
  readonly cluster: string
  readonly from: string
  readonly to: string
  /** What makes `to` fit, in words. */
  readonly why: string
  /** Open sessions on `from`: they will end. */
  readonly sessions: number
  /** How long who comes to write will wait, by listener. */
  readonly holds: readonly string[]
  /** The number of the last leader change on record. */
  readonly incident: number
}

export interface AdminDeps {
  status(): Status
  /** The verdicts on every member for a listener, a line each; undefined: no such listener. */
  explain(listen: string): readonly string[] | undefined
  sessions(): readonly SessionStatus[]
  /** Oldest first. */
  incidents(): readonly Incident[]
  /** Takes a member (or `self`, this router) out of service, or back. */
  drain(member: string, on: boolean): Outcome | Promise<Outcome>
  /** What a switchover would be: to this member, or to the best. */
  planSwitchover(wish: SwitchoverWish): SwitchoverPlan | Refused
  /** Has Patroni do it; comes back when it is done. */
  switchover(wish: SwitchoverWish): Promise<Outcome>
  /** Ends a session. */
  cutSession(id: number): Outcome
  /** Puts the configuration of its file in force. */
  reload(): Promise<Outcome>
  /** Has another process of the program take this one's place. */
  restart(): Promise<Outcome>
  /** Has everyone new on a listener wait, or lets them go on. */
  pause(listen: string, on: boolean): Outcome
  metrics(): Promise<string>
  /** Whether a session would be joined now, on this listener or on every one. */
  ready(listen?: string): { readonly ok: boolean; readonly why: string }
  /** The last ten minutes, for what is drawn. */
  history(): History
  readonly feeds: Feeds
  /** Takes over the control socket's connection to a sidecar; absent: none is served. */
  readonly sidecar?: (socket: Duplex) => void
  /** Announces to the sidecars that another process takes this one's place at once. */
  readonly successor?: () => Outcome
}

/** A server that listens, or why it does not: the operator's to mend, in words with the remedy. */
export type Started = { readonly ok: true; readonly server: AdminServer } | Extract<Bound, { ok: false }>

export interface AdminServer {
  readonly listening: Listening
  /** Takes nobody new: requests under way are answered, whoever reads events is sent to ask again. */
  close(): void
  /** Ends every connection and the server; a Unix socket's file is removed. */
  stop(): Promise<void>
}
