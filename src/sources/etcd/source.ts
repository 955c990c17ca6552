// Follows Patroni's keys in etcd. One endpoint is in use at a time: its watch brings changes at once, and a linearizable read of
// the whole prefix twice a second proves that it still tells the truth. A read that is slow or fails is asked of the others
// side by side, and the first to answer is the one in use from then on. Knows nothing of what the keys mean.

import type { ClusterConfig } from '../../config/shape.js'
import { parseEtcd } from '../../topology/etcd.js'
import type { SourceNews } from '../../topology/topology.js'
import type { SourceDeps } from '../deps.js'
import { type Silence, watchSilence } from '../silence.js'
import type { Source, SourceStatus } from '../source.js'
import { telling } from '../tell.js'
import { repeat, type Turns } from '../turns.js'
import { isTls } from './client.js'
import { close, type Endpoint, statusOf, whySilent } from './endpoint.js'
import { applyChanges, applyRead, EMPTY, type Mirror } from './mirror.js'
import { type Runner, race } from './race.js'
import { createScopes, type Scopes } from './scopes.js'
import { type Change, openSession, type Session, type Snapshot } from './session.js'
import { clearly } from './why.js'

/** Time between two reads of the prefix, in ms. */
const REREAD = 500
/** How long the endpoint in use may take for a read before the others are asked beside it, in ms. */
const HEAD_START = 250
/** How long any read may take, in ms. */
const DEADLINE = 700
/** After this long without an answer from anybody, in ms, it is told. */
const SILENT = 1500

/** Follows one scope in etcd; see the head of this file. */
export function createEtcdSource(config: ClusterConfig, deps: SourceDeps): Source {
  return new EtcdSource(config, deps)
}

class EtcdSource implements Source {
  readonly #config: ClusterConfig
  readonly #deps: SourceDeps
  readonly #scopes: Scopes
  readonly #prefix: string
  readonly #endpoints: readonly Endpoint[]
  #tell: (news: SourceNews) => void = () => {}
  #silence: Silence | undefined
  #turns: Turns | undefined
  #stopped = false
  #mirror: Mirror = EMPTY
  #published = false
  /** The endpoint in use, and since when; else the one to ask first. */
  #current: number | undefined
  #currentSince = 0
  #next = 0
  /** Who was in use last and why it is not any more. */
  #left: { readonly host: string; readonly why: string } | undefined
  #reconnects = 0
  /** A read showed a change that the watch has not brought yet. */
  #watchOwes = false
  #scopeProblem: string | undefined

  constructor(config: ClusterConfig, deps: SourceDeps) {
    this.#config = config
    this.#deps = deps
    const namespace = `/${trimmed(config.namespace)}/`.replace('//', '/')
    this.#prefix = `${namespace}${trimmed(config.scope)}/`
    this.#scopes = createScopes(namespace, this.#prefix, deps.now)
    this.#endpoints = config.etcd.hosts.map(host => ({ host, begunAt: 0 }))
  }

  start(heard: (news: SourceNews) => void): void {
    this.#tell = telling(heard)
    this.#silence = watchSilence(SILENT, this.#deps.now, since =>
      this.#tell({ kind: 'silent', since, why: whySilent(this.#endpoints) }),
    )
    this.#turns = repeat(() => this.#turn())
  }

  hint(): void {
    this.#turns?.wake()
  }

  status(): SourceStatus {
    const since = this.#silence?.since()
    const answeredAt = this.#silence?.answeredAt()
    const why = since === undefined ? this.#scopeProblem : whySilent(this.#endpoints)
    return {
      kind: 'etcd',
      endpoints: this.#endpoints.map((endpoint, i) => statusOf(endpoint, i === this.#current)),
      ...(since !== undefined && { silentSince: since }),
      ...(why !== undefined && { why }),
      ...(answeredAt !== undefined && { answeredAt }),
      reconnects: this.#reconnects,
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#silence?.stop()
    for (const endpoint of this.#endpoints) close(endpoint)
    await this.#turns?.stop()
    for (const endpoint of this.#endpoints) close(endpoint)
  }

  async #turn(): Promise<number> {
    const first = this.#current ?? this.#next
    const runners = this.#endpoints.map((_, i) => this.#runner(i))
    const others = runners.filter((_, i) => i !== first)
    const result = await race(runners[first], others, HEAD_START, (i, error) => this.#failed(i, error))
    if (this.#stopped) return REREAD
    if (result.kind === 'won') this.#accept(result.endpoint, result.snapshot)
    for (const [i, endpoint] of this.#endpoints.entries()) if (i !== this.#current) close(endpoint)
    return REREAD
  }

  #runner(i: number): Runner {
    return {
      endpoint: i,
      run: async () => {
        const endpoint = this.#endpoint(i)
        endpoint.begunAt = this.#mirror.revision
        endpoint.session ??= openSession(endpoint.host, this.#prefix, this.#config.etcd)
        return endpoint.session.read(DEADLINE)
      },
    }
  }

  #accept(i: number, snapshot: Snapshot): void {
    const endpoint = this.#endpoint(i)
    const wasSilent = this.#silence?.answered() ?? false
    const deaf = i === this.#current && this.#watchOwes
    const [mirror, verdict] = applyRead(this.#mirror, snapshot, endpoint.begunAt)
    this.#mirror = mirror
    delete endpoint.why
    if (this.#current !== undefined && i !== this.#current) this.#leave(`no answer within ${HEAD_START}ms`, i)
    if (i !== this.#current) this.#use(i)
    else this.#watchOwes = verdict === 'changed'
    if (verdict === 'changed' || verdict === 'behind' || wasSilent || !this.#published) this.#publish()
    this.#lookForScopes()
    // The watch of a restored or deaf etcd brings nothing any more: a fresh session does.
    if (verdict === 'behind') this.#leave('it went back to an older revision (restored)', i)
    else if (deaf && this.#watchOwes) this.#leave('its watch is silent', i + 1)
    if (this.#current === undefined) this.#turns?.wake()
  }

  #use(i: number): void {
    const { host, session } = this.#endpoint(i)
    if (this.#left !== undefined) {
      this.#reconnects++
      const cluster = this.#deps.cluster ?? this.#config.scope
      this.#deps.report?.({ kind: 'source_moved', cluster, from: this.#left.host, to: host, why: this.#left.why })
    }
    this.#left = undefined
    this.#current = i
    this.#currentSince = this.#deps.now()
    this.#watchOwes = false
    session?.watch(this.#mirror.revision + 1, {
      changed: changes => this.#changed(session, changes),
      broken: error => this.#broken(session, error),
    })
  }

  /** The endpoint in use is not, from now on; `next` is asked first. */
  #leave(why: string, next: number): void {
    if (this.#current === undefined) return
    const endpoint = this.#endpoint(this.#current)
    close(endpoint)
    endpoint.why = why
    this.#left = { host: endpoint.host, why }
    this.#current = undefined
    this.#next = next % this.#endpoints.length
  }

  #failed(i: number, error: unknown): void {
    const why = this.#clearly(i, error)
    if (i === this.#current) this.#leave(why, i + 1)
    const endpoint = this.#endpoint(i)
    close(endpoint)
    endpoint.why = why
  }

  #changed(session: Session, changes: readonly Change[]): void {
    if (!this.#isCurrent(session)) return
    this.#watchOwes = false
    const before = this.#mirror
    this.#mirror = applyChanges(before, changes)
    if (this.#mirror !== before) this.#publish()
  }

  #broken(session: Session, error: Error): void {
    if (!this.#isCurrent(session) || this.#current === undefined) return
    const lived = this.#deps.now() - this.#currentSince
    this.#leave(this.#clearly(this.#current, error), this.#current + 1)
    // A watch that fails at once would make us spin: then the next turn is soon enough.
    if (lived > REREAD) this.#turns?.wake()
  }

  #isCurrent(session: Session): boolean {
    return !this.#stopped && this.#current !== undefined && this.#endpoint(this.#current).session === session
  }

  #publish(): void {
    if (this.#mirror.entries.size > 0) this.#scopeProblem = undefined
    const topology = parseEtcd(this.#mirror.entries, {
      scope: this.#config.scope,
      revision: String(this.#mirror.revision),
      readAt: this.#deps.now(),
      wall: this.#deps.wall(),
      addresses: this.#config.static.members,
    })
    const problems = this.#scopeProblem === undefined ? topology.problems : [this.#scopeProblem, ...topology.problems]
    this.#published = true
    this.#tell({ kind: 'topology', topology: { ...topology, problems } })
  }

  #lookForScopes(): void {
    const session = this.#current === undefined ? undefined : this.#endpoint(this.#current).session
    if (this.#mirror.entries.size > 0 || session === undefined) return
    this.#scopes.look(session, problem => {
      if (this.#stopped || this.#mirror.entries.size > 0 || problem === this.#scopeProblem) return
      this.#scopeProblem = problem
      this.#publish()
    })
  }

  #clearly(i: number, error: unknown): string {
    const { username = '' } = this.#config.etcd
    return clearly(error, { username, tls: isTls(this.#endpoint(i).host, this.#config.etcd) })
  }

  #endpoint(i: number): Endpoint {
    const endpoint = this.#endpoints[i]
    if (endpoint === undefined) throw new RangeError(`no endpoint ${i}`)
    return endpoint
  }
}

function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, '')
}
