// Sets one contender's rounds against another's, round by round: what the machine did to one it did to its neighbours of the same
// round, so that a ratio within a round says more than two medians do.

import type { MetricName, Series } from './metric.js'

/** How a value is judged: as it is, divided by the rival's, or what it adds to direct divided by what the rival adds to direct. */
export type How = 'itself' | 'ratio' | 'ratio above direct'

export interface Comparison {
  readonly metric: MetricName
  readonly load: string
  readonly contender: string
  readonly how: How
  /** HAProxy when it is not given. */
  readonly rival?: string
}

/** The contenders that must have been measured. */
export function contendersOf({ contender, how, rival = 'haproxy' }: Comparison): string[] {
  if (how === 'itself') return [contender]
  return how === 'ratio' ? [contender, rival] : [contender, rival, 'direct']
}

/**
 * One number for each round in which all that is needed was measured. A round in which the rival added nothing to direct says
 * nothing of a ratio above direct and is left out.
 */
export function perRound(all: readonly Series[], comparison: Comparison): number[] {
  const { metric, how, rival = 'haproxy' } = comparison
  const values = (contender: string) =>
    all.find(one => one.contender === contender && one.load === comparison.load)?.rounds.map(round => round[metric])
  const own = values(comparison.contender) ?? []
  if (how === 'itself') return own.filter(value => value !== undefined)
  const [theirs, direct] = [values(rival), how === 'ratio' ? undefined : values('direct')]
  return own.flatMap((value, round) => {
    const [other, base] = [theirs?.[round], direct === undefined ? 0 : direct[round]]
    if (value === undefined || other === undefined || base === undefined || other - base <= 0) return []
    return [(value - base) / (other - base)]
  })
}
