// One key under a lease of ours: put where nobody has it, renewed, taken along to the next endpoint when one fails or says nothing,
// given up at once when it is no longer wanted. Tells who has it whenever that changes. Knows not what having it means.

import type { IKeyValue } from 'etcd3'
import { type Answered, createEndpoints } from '../asking/endpoints.js'
import { watchSilence } from '../asking/silence.js'
import { repeat } from '../asking/turns.js'
import type { EtcdConfig } from '../config/shape.js'
import type { Ms } from '../units/units.js'
import { type Connection, openConnection } from './connection.js'
import { rangeBelow } from './keys.js'
import { grantLease, keepLease, newLeaseId, putIfAbsent, readKeys, replaceValue, revokeLease } from './lease.js'
import { watchKeys } from './watch.js'
import { clearly } from './why.js'

/** How long a lease outlives its last renewal, in seconds, and the time between renewals (and looks at the key), in ms. */
export interface Pace {
  readonly outlives: number
  readonly every: number
}

/** The least that etcd grants with its default election timeout. */
const FAST: Pace = { outlives: 2, every: 500 }
/** The least time between two looks, when something calls for one at once, in ms. */
const GAP = 5
/** How long the endpoint in use may take before the others are asked beside it, in ms. */
const HEAD_START = 250
/** After this long without an answer from anybody, in ms, etcd is silent: longer than it takes to elect a leader of its own. */
const SILENT = 3000

export type KeyView =
  /** Not known: no answer yet, or it was ours until a moment ago. */
  | { readonly kind: 'unheard' }
  | { readonly kind: 'free' }
  | { readonly kind: 'ours' }
  | { readonly kind: 'other'; readonly holder: string }
  | { readonly kind: 'silent'; readonly why: string }

export interface LeasedKey {
  /** Whether we want it, from now on. Not wanting it any more ends the lease it is under. */
  want(wanted: boolean): void
  /** Gives it up; resolves when etcd knows, or within a second where it does not answer. */
  stop(): Promise<void>
}

export interface LeasedKeyInput {
  readonly config: EtcdConfig
  readonly key: string
  /** What others see who has it; asked with each look, and written anew where it is another than before. */
  readonly value: () => string
  /** The keys that begin with `prefix` are read along with it, itself among them: what they hold, by the rest of their names. */
  readonly kin?: { readonly prefix: string; readonly told: (values: ReadonlyMap<string, string>) => void }
  /** As fast as etcd lets it be, where it is not given. */
  readonly pace?: Pace
  readonly now: () => Ms
  /** Hears every change. `ours` is told after etcd has said so, and anything else before it is let go of. */
  readonly told: (view: KeyView) => void
}

interface Session {
  readonly connection: Connection
  /** Ends the watch that hints at changes; undefined while there is none. */
  endWatch: (() => void) | undefined
  close(): void
}

/** What one turn found; undefined where the lease it was about has ended. */
type Look = { readonly view: KeyView; readonly revision: number; readonly entries: readonly IKeyValue[] } | undefined

/** Begins at once; see the head of this file. Nobody is wanted to have the key before want(true). */
export function createLeasedKey({ config, key: name, value, kin, pace = FAST, now, told }: LeasedKeyInput): LeasedKey {
  const key = Buffer.from(name)
  const range = kin ? rangeBelow(kin.prefix) : { key }
  let wanted = false
  let stopped = false
  let view: KeyView = { kind: 'unheard' }
  /**
   * The lease that the key is put under, kept from the start on, so that a put need not wait for it. None is used again once it was
   * given up: a late answer to an old question can then neither give nor take the key.
   */
  let lease = newLeaseId()
  let granted = false
  const givenUp = new Set<string>()

  const endpoints = createEndpoints<Session>(config.hosts, {
    now,
    open: host => openSession(host, config),
    words: (host, error) => clearly(error, { host, config, rights: `reads and writes ${kin?.prefix ?? name}` }),
    headStart: HEAD_START,
  })
  const silence = watchSilence(SILENT, now, () => tell({ kind: 'silent', why: `etcd ${endpoints.whySilent()}` }))
  const turns = repeat(turn, GAP)

  function tell(next: KeyView): void {
    if (stopped || JSON.stringify(next) === JSON.stringify(view)) return
    view = next
    told(next)
  }

  /** The key is not ours any more, or will not be at once. */
  function renew(): void {
    lease = newLeaseId()
    granted = false
    if (view.kind === 'ours') tell({ kind: 'unheard' })
  }

  async function revoke({ connection }: Session, ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map(id => revokeLease(connection, id)))
    for (const id of ids) givenUp.delete(id)
  }

  async function turn(): Promise<number> {
    const [asked, begun] = [lease, now()]
    const answered = await endpoints.ask(session => look(session, asked, granted))
    if (!answered || stopped) return pace.every
    silence.answered()
    // Given up meanwhile, or heard so late (we did not run) that the lease may have ended: the next turn, at once, says how it is.
    if (asked !== lease || now() - begun >= pace.outlives * 1000) turns.wake()
    else accept(answered)
    return pace.every
  }

  async function look(session: Session, id: string, isGranted: boolean): Promise<Look> {
    const { connection } = session
    await revoke(session, [...givenUp])
    const [alive, { entries, revision }] = await Promise.all([
      isGranted ? keepLease(connection, id) : grantLease(connection, id, pace.outlives).then(() => true),
      readKeys(connection, range),
    ])
    if (!alive) return undefined
    const may = wanted && lease === id && !stopped
    const entry = entries.find(one => one.key.equals(key))
    const text = value()
    if (may && entry?.lease === id && entry.value.toString('utf8') !== text) await replaceValue(connection, entry, text)
    const has = entry ?? (may ? await putIfAbsent(connection, key, text, id) : undefined)
    if (has) return { view: viewOf(has, id), revision, entries }
    return { view: { kind: may ? 'ours' : 'free' }, revision, entries }
  }

  function accept({ session, answer }: Answered<Session, Look>): void {
    if (!answer) renew()
    else {
      granted = true
      hint(session, answer.revision + 1)
      tell(answer.view)
      kin?.told(valuesOf(answer.entries, kin.prefix))
    }
    if (!answer || (answer.view.kind === 'free' && wanted)) turns.wake()
  }

  /** Changes are looked at as soon as the watch tells; it may be deaf or broken, the next turn looks in any case. */
  function hint(session: Session, from: number): void {
    session.endWatch ??= watchKeys(
      session.connection,
      { ...range, from },
      {
        events: () => turns.wake(),
        broken: () => {
          session.endWatch = undefined
        },
      },
    )
  }

  return {
    want(next) {
      if (next === wanted || stopped) return
      wanted = next
      if (!wanted) {
        givenUp.add(lease)
        renew()
      }
      turns.wake()
    },
    async stop() {
      stopped = true
      silence.stop()
      givenUp.add(lease)
      await turns.stop()
      await endpoints.ask(session => revoke(session, [...givenUp]))
      endpoints.close()
    },
  }
}

const valuesOf = (entries: readonly IKeyValue[], prefix: string): ReadonlyMap<string, string> =>
  new Map(entries.map(({ key, value }) => [key.toString('utf8').slice(prefix.length), value.toString('utf8')]))

function viewOf({ lease, value }: { readonly lease: string; readonly value: Buffer }, ours: string): KeyView {
  return lease === ours ? { kind: 'ours' } : { kind: 'other', holder: value.toString('utf8') }
}

function openSession(host: string, config: EtcdConfig): Session {
  const connection = openConnection(host, config)
  const session: Session = {
    connection,
    endWatch: undefined,
    close() {
      session.endWatch?.()
      connection.close()
    },
  }
  return session
}
