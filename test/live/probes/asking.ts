// A prober as a test watches it: what it told, and when.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ProbeConfig } from '../../../src/config/shape.js'
import type { Answer, ProbeOutcome } from '../../../src/health/answer.js'
import { createProber } from '../../../src/probes/create.js'
import type { Prober, ProbeTarget } from '../../../src/probes/prober.js'
import { ms } from '../../../src/units/units.js'
import { primary, probers, type Server, sql } from './pair.js'

export const CONFIG: ProbeConfig = {
  user: 'probe',
  password: 'right',
  database: 'postgres',
  sslmode: 'prefer',
  interval: ms(1000),
  timeout: ms(1000),
  rise: 2,
  fall: 2,
  slowStart: ms(0),
}
export const PATRONI = { urls: [], interval: ms(1000) }

interface Seen {
  readonly prober: Prober
  readonly outcomes: ProbeOutcome[]
  period: number
  /** The first outcome (from `from` on) that fits. */
  until(fits: (answer: Answer) => boolean, what: string, from?: number): Promise<ProbeOutcome>
}

export function watch(config: Partial<ProbeConfig>, targets: readonly ProbeTarget[], period = 20): Seen {
  const outcomes: ProbeOutcome[] = []
  const prober = createProber(
    { probe: { ...CONFIG, ...config }, patroni: PATRONI },
    { now: () => ms(performance.now()), period: () => ms(seen.period), told: outcome => outcomes.push(outcome) },
  )
  probers.push(prober)
  const until: Seen['until'] = async (fits, what, from = 0) => {
    for (let i = 0; i < 2000; i++) {
      const found = outcomes.slice(from).find(({ answer }) => fits(answer))
      if (found !== undefined) return found
      await sleep(5)
    }
    throw new Error(`never told: ${what}; last: ${JSON.stringify(outcomes.at(-1))}`)
  }
  const seen: Seen = { prober, outcomes, period, until }
  prober.want(targets)
  return seen
}

export const target = (server: Server): ProbeTarget => ({
  name: server.name,
  address: { host: server.host, port: server.port },
})
export const unaskedFor = (reason: string) => (answer: Answer) => answer.kind === 'unasked' && answer.reason === reason

export async function firstAnswer(config: Partial<ProbeConfig>, server: Server = primary): Promise<Answer> {
  const seen = watch(config, [target(server)], 5000)
  const { answer } = await seen.until(() => true, 'any answer')
  await seen.prober.stop()
  return answer
}

export const usesTls = (): string =>
  sql(primary, "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'mekare probe'")
