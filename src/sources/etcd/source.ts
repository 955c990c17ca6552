// Follows Patroni's keys in etcd. One endpoint is in use at a time: its watch brings changes at once, and a linearizable read of
// the whole prefix twice a second proves that it still tells the truth. A read that is slow or fails is asked of the others
// side by side, and the first to answer is the one in use from then on. Knows nothing of what the keys mean.

import { type Answered, createEndpoints, type Endpoints } from '../../asking/endpoints.js'
import { type Silence, watchSilence } from '../../asking/silence.js'
import { repeat, type Turns } from '../../asking/turns.js'
import type { ClusterConfig } from '../../config/shape.js'
import { clearly } from '../../etcd/why.js'
import { parseEtcd } from '../../topology/etcd.js'
import type { SourceNews } from '../../topology/topology.js'
import type { SourceDeps } from '../deps.js'
import type { Source, SourceStatus } from '../source.js'
import { telling } from '../tell.js'
import { applyChanges, applyRead, EMPTY, type Mirror } from './mirror.js'
import { createScopes, type Scopes } from './scopes.js'
import { type Change, openSession, type Session, type Snapshot } from './session.js'

/** Time between two reads of the prefix, in ms. */
const REREAD = 500
/** How long the endpoint in use may take for a read before the others are asked beside it, in ms. */
const HEAD_START = 250
/** How long any read may take, in ms. */
const DEADLINE = 700
/** Time between two looks at the endpoints that stand by, in ms. */
const LOOK_IN = 2000
/** After this long without an answer from anybody, in ms, it is told. */
const SILENT = 1500

/** Follows one scope in etcd; see the head of this file. */
export function createEtcdSource(config: ClusterConfig, deps: SourceDeps): Source {
  return new EtcdSource(config, deps)
}

interface Read {
  readonly snapshot: Snapshot
  /** The mirror's revision when the read began. */
  readonly begunAt: number
}

class EtcdSource implements Source {
  readonly #config: ClusterConfig
  readonly #deps: SourceDeps
  readonly #scopes: Scopes
  readonly #prefix: string
  readonly #endpoints: Endpoints<Session>
  #tell: (news: SourceNews) => void = () => {}
  #silence: Silence | undefined
  #turns: Turns | undefined
  #looks: Turns | undefined
  #stopped = false
  #mirror: Mirror = EMPTY
  #published = false
  /** A read showed a change that the watch has not brought yet. */
  #watchOwes = false
  #scopeProblem: string | undefined

  constructor(config: ClusterConfig, deps: SourceDeps) {
    this.#config = config
    this.#deps = deps
    const namespace = `/${trimmed(config.namespace)}/`.replace('//', '/')
    this.#prefix = `${namespace}${trimmed(config.scope)}/`
    this.#scopes = createScopes(namespace, this.#prefix, deps.now)
    const cluster = deps.cluster ?? config.scope
    this.#endpoints = createEndpoints(config.etcd.hosts, {
      now: deps.now,
      open: host => openSession(host, this.#prefix, config.etcd),
      words: (host, error) => clearly(error, { host, config: config.etcd, rights: 'reads namespace and scope' }),
      moved: (from, to, why) => deps.report?.({ kind: 'source_moved', cluster, from, to, why }),
      headStart: HEAD_START,
    })
  }

  start(heard: (news: SourceNews) => void): void {
    this.#tell = telling(heard)
    this.#silence = watchSilence(SILENT, this.#deps.now, since =>
      this.#tell({ kind: 'silent', since, why: this.#whySilent() }),
    )
    this.#turns = repeat(() => this.#turn())
    this.#looks = repeat(() => this.#lookIn())
  }

  hint(): void {
    this.#turns?.wake()
  }

  status(): SourceStatus {
    const since = this.#silence?.since()
    const answeredAt = this.#silence?.answeredAt()
    const why = since === undefined ? this.#scopeProblem : this.#whySilent()
    return {
      kind: 'etcd',
      endpoints: this.#endpoints.status(),
      ...(since !== undefined && { silentSince: since }),
      ...(why !== undefined && { why }),
      ...(answeredAt !== undefined && { answeredAt }),
      reconnects: this.#endpoints.moves(),
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#silence?.stop()
    this.#endpoints.close()
    await Promise.all([this.#turns?.stop(), this.#looks?.stop()])
  }

  async #turn(): Promise<number> {
    const read = await this.#endpoints.ask(async (session): Promise<Read> => {
      const begunAt = this.#mirror.revision
      return { snapshot: await session.read(DEADLINE), begunAt }
    })
    if (read && !this.#stopped) this.#accept(read)
    return REREAD
  }

  async #lookIn(): Promise<number> {
    await this.#endpoints.lookIn(session => session.read(DEADLINE))
    return LOOK_IN
  }

  #accept({ session, answer: { snapshot, begunAt }, fresh }: Answered<Session, Read>): void {
    const wasSilent = this.#silence?.answered() ?? false
    const deaf = !fresh && this.#watchOwes
    const [mirror, verdict] = applyRead(this.#mirror, snapshot, begunAt)
    this.#mirror = mirror
    if (fresh) this.#watch(session)
    else this.#watchOwes = verdict === 'changed'
    if (verdict === 'changed' || verdict === 'behind' || wasSilent || !this.#published) this.#publish()
    this.#lookForScopes()
    // The watch of a restored or deaf etcd brings nothing any more: a fresh session does.
    if (verdict === 'behind') this.#endpoints.leave('it went back to an older revision (restored)', true)
    else if (deaf && this.#watchOwes) this.#endpoints.leave('its watch is silent')
    if (!this.#endpoints.inUse()) this.#turns?.wake()
  }

  #watch(session: Session): void {
    this.#watchOwes = false
    session.watch(this.#mirror.revision + 1, {
      changed: changes => this.#changed(session, changes),
      broken: error => this.#broken(session, error),
    })
  }

  #changed(session: Session, changes: readonly Change[]): void {
    if (!this.#isCurrent(session)) return
    this.#watchOwes = false
    const before = this.#mirror
    this.#mirror = applyChanges(before, changes)
    if (this.#mirror !== before) this.#publish()
  }

  #broken(session: Session, error: Error): void {
    const lived = this.#deps.now() - (this.#endpoints.inUse()?.since ?? 0)
    if (!this.#isCurrent(session)) return
    this.#endpoints.leave(error)
    // A watch that fails at once would make us spin: then the next turn is soon enough.
    if (lived > REREAD) this.#turns?.wake()
  }

  #isCurrent(session: Session): boolean {
    return !this.#stopped && this.#endpoints.inUse()?.session === session
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
    const session = this.#endpoints.inUse()?.session
    if (this.#mirror.entries.size > 0 || session === undefined) return
    this.#scopes.look(session, problem => {
      if (this.#stopped || this.#mirror.entries.size > 0 || problem === this.#scopeProblem) return
      this.#scopeProblem = problem
      this.#publish()
    })
  }

  #whySilent = (): string => `etcd ${this.#endpoints.whySilent()}`
}

function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, '')
}
