// Follows a cluster through Patroni's REST API, whatever DCS it uses. GET /patroni of every known member, asked each interval,
// decides who leads; GET /cluster discovers members beside it. Knows no DCS.

import type { EndpointStatus } from '../../asking/endpoints.js'
import { type Silence, watchSilence } from '../../asking/silence.js'
import { repeat, type Turns } from '../../asking/turns.js'
import type { ClusterConfig } from '../../config/shape.js'
import { apiBase } from '../../topology/address.js'
import { claimsOf } from '../../topology/claims.js'
import { sameTopology } from '../../topology/compare.js'
import { parsePatroni } from '../../topology/patroni.js'
import type { SourceNews, Topology } from '../../topology/topology.js'
import type { SourceDeps } from '../deps.js'
import type { Source, SourceStatus } from '../source.js'
import { telling } from '../tell.js'
import { type Asker, createAsker } from './ask.js'
import { createDiscovery, type Discovery } from './discovery.js'

/** How long GET /patroni may take, in ms: it answers from memory or one local query. */
const DEADLINE = 1000
/** After this time, in ms, a round is judged without those that have not answered yet. */
const ENOUGH = 200
/** Time between rounds, in ms, while no member claims to lead. */
const SEARCHING = 200
/** On top of the interval, in ms: after this long without an answer from anybody, it is told. */
const SILENT = 1500

/** Follows one scope over REST; see the head of this file. */
export function createPatroniSource(config: ClusterConfig, deps: SourceDeps): Source {
  return new PatroniSource(config, deps)
}

class PatroniSource implements Source {
  readonly #config: ClusterConfig
  readonly #deps: SourceDeps
  readonly #urls: readonly string[]
  readonly #whys = new Map<string, string | undefined>()
  #tell: (news: SourceNews) => void = () => {}
  #asker: Asker | undefined
  #discovery: Discovery | undefined
  #silence: Silence | undefined
  #turns: Turns | undefined
  #stopped = false
  #answers: ReadonlyMap<string, unknown> = new Map()
  #topology: Topology | undefined
  #count = 0

  constructor(config: ClusterConfig, deps: SourceDeps) {
    this.#config = config
    this.#deps = deps
    this.#urls = config.patroni.urls.map(url => apiBase(/^https?:/i.test(url) ? url : `http://${url}`) ?? url)
  }

  start(heard: (news: SourceNews) => void): void {
    const { now } = this.#deps
    const { interval } = this.#config.patroni
    this.#tell = telling(heard)
    this.#asker = createAsker(this.#config.patroni)
    this.#discovery = createDiscovery(this.#asker, now, 2 * interval + SEARCHING)
    this.#silence = watchSilence(interval + SILENT, now, since =>
      this.#tell({ kind: 'silent', since, why: this.#whySilent() }),
    )
    this.#turns = repeat(() => this.#turn())
  }

  hint(): void {
    this.#turns?.wake()
  }

  status(): SourceStatus {
    const since = this.#silence?.since()
    const answeredAt = this.#silence?.answeredAt()
    return {
      kind: 'patroni',
      endpoints: this.#bases().map(base => this.#statusOf(base)),
      ...(since !== undefined && { silentSince: since, why: this.#whySilent() }),
      ...(answeredAt !== undefined && { answeredAt }),
      reconnects: this.#discovery?.moves() ?? 0,
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#silence?.stop()
    this.#asker?.close()
    await this.#turns?.stop()
  }

  /** One round: every known member is asked; it is judged when all have answered, and before that without the slow ones. */
  async #turn(): Promise<number> {
    const answers = new Map<string, unknown>()
    const bases = this.#bases()
    const answered = bases.filter(base => this.#whys.has(base) && this.#whys.get(base) === undefined)
    this.#discovery?.ask(answered.length > 0 ? answered : bases, () => this.#judge())
    const asked = Promise.all(bases.map(base => this.#ask(base, answers)))
    const slow = setTimeout(() => this.#round(answers), ENOUGH)
    await asked
    clearTimeout(slow)
    this.#round(answers)
    const interval = this.#config.patroni.interval
    return this.#claimed() ? interval : Math.min(interval, SEARCHING)
  }

  async #ask(base: string, answers: Map<string, unknown>): Promise<void> {
    try {
      answers.set(base, await this.#asker?.get(base, '/patroni', DEADLINE))
      this.#whys.set(base, undefined)
    } catch (error) {
      this.#whys.set(base, (error as Error).message)
    }
  }

  #round(answers: ReadonlyMap<string, unknown>): void {
    if (this.#stopped) return
    this.#answers = new Map(answers)
    if (answers.size > 0) this.#judge()
  }

  #judge(): void {
    if (this.#stopped) return
    const answers = { ...this.#discovery?.known(), patroni: this.#answers }
    // Before anybody has answered there is nothing to tell.
    if (this.#topology === undefined && answers.cluster === undefined && answers.patroni.size === 0) return
    const wasSilent = this.#silence?.answered() ?? false
    const previous = this.#topology
    const next = parsePatroni(answers, {
      scope: this.#config.scope,
      revision: String(this.#count + 1),
      readAt: this.#deps.now(),
      wall: this.#deps.wall(),
      addresses: this.#config.static.members,
      ...(previous && { previous }),
    })
    if (previous !== undefined && !wasSilent && sameTopology(previous, next, 'positions')) return
    this.#count++
    this.#topology = next
    this.#tell({ kind: 'topology', topology: next })
  }

  #claimed(): boolean {
    return this.#topology !== undefined && claimsOf(this.#topology.members, this.#answers).length > 0
  }

  #bases(): string[] {
    const members = [...(this.#topology?.members.values() ?? [])].flatMap(({ apiUrl }) => apiUrl ?? [])
    return [...new Set([...members, ...this.#urls])]
  }

  #whySilent(): string {
    const whys = this.#bases().map(base => `${base}: ${this.#whys.get(base) ?? 'no answer'}`)
    return whys.length > 0 ? whys.join('; ') : 'patroni.urls is empty: name the REST address of at least one member'
  }

  #statusOf(base: string): EndpointStatus {
    const why = this.#whys.get(base)
    if (why !== undefined) return { name: base, state: 'failed', why }
    return { name: base, state: this.#whys.has(base) ? 'in use' : 'standing by' }
  }
}
