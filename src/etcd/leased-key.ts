// One key under a lease of ours: put where nobody has it, renewed, taken along to the next endpoint when one fails or says nothing,
// given up at once when it is no longer wanted. Tells who has it whenever that changes. Knows not what having it means.

import { type Answered, createEndpoints } from '../asking/endpoints.js'
import { watchSilence } from '../asking/silence.js'
import { repeat } from '../asking/turns.js'
import type { EtcdConfig } from '../config/shape.js'
import type { Ms } from '../units/units.js'
import { type Connection, openConnection } from './connection.js'
import { grantLease, keepLease, newLeaseId, putIfAbsent, readKey, revokeLease } from './lease.js'
import { watchKeys } from './watch.js'
import { clearly } from './why.js'

/** Seconds a lease outlives its last renewal: the least that etcd grants with its default election timeout. */
const TTL_S = 2
/** Time between renewals, and between looks at the key, in ms; the least of it, when something calls for a look at once. */
const EVERY = 500
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
  /** What others see who has it. */
  readonly value: string
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
type Look = { readonly view: KeyView; readonly revision: number } | undefined

/** Begins at once; see the head of this file. Nobody is wanted to have the key before want(true). */
export function createLeasedKey({ config, key: name, value, now, told }: LeasedKeyInput): LeasedKey {
  const key = Buffer.from(name)
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
    words: (host, error) => clearly(error, { host, config, rights: `reads and writes ${name}` }),
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
    if (!answered || stopped) return EVERY
    silence.answered()
    // Given up meanwhile, or heard so late (we did not run) that the lease may have ended: the next turn, at once, says how it is.
    if (asked !== lease || now() - begun >= TTL_S * 1000) turns.wake()
    else accept(answered)
    return EVERY
  }

  async function look(session: Session, id: string, isGranted: boolean): Promise<Look> {
    const { connection } = session
    await revoke(session, [...givenUp])
    const [alive, { entry, revision }] = await Promise.all([
      isGranted ? keepLease(connection, id) : grantLease(connection, id, TTL_S).then(() => true),
      readKey(connection, key),
    ])
    if (!alive) return undefined
    const may = wanted && lease === id && !stopped
    const has = entry ?? (may ? await putIfAbsent(connection, key, value, id) : undefined)
    if (has) return { view: viewOf(has, id), revision }
    return { view: { kind: may ? 'ours' : 'free' }, revision }
  }

  function accept({ session, answer }: Answered<Session, Look>): void {
    if (!answer) renew()
    else {
      granted = true
      hint(session, answer.revision + 1)
      tell(answer.view)
    }
    if (!answer || (answer.view.kind === 'free' && wanted)) turns.wake()
  }

  /** Changes are looked at as soon as the watch tells; it may be deaf or broken, the next turn looks in any case. */
  function hint(session: Session, from: number): void {
    session.endWatch ??= watchKeys(
      session.connection,
      { key, from },
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
