// Whether a goal is met, and how sure that is. The rule:
//   met           the median of the rounds is on the right side of the limit
//   within noise  it is not, but no more than 5 % off, and the limit lies within the median's 90 % interval
//   missed        anything else, also a goal whose scenario ran and left no number
// Only a missed goal fails a run. A median on the right side whose interval reaches over the limit is told as `met, barely`.

import { perRound } from './compare.js'
import type { Goal } from './goals.js'
import type { Series } from './metric.js'
import { type Interval, median, medianInterval } from './statistics.js'

export interface Verdict extends Interval {
  readonly goal: Goal
  readonly median: number
  readonly rounds: number
  readonly word: 'met' | 'met, barely' | 'within noise' | 'missed'
}

/** How far a median may be off its limit, as a part of the limit, before noise excuses it no more. */
const EXCUSED = 0.05

/** Fewer rounds than this give a hint, not a verdict. */
export const ROUNDS_FOR_A_VERDICT = 5

export function judge(goal: Goal, series: readonly Series[]): Verdict {
  const values = perRound(series, goal)
  const middle = median(values)
  const { low, high } = medianInterval(values)
  const holds = (value: number) => (goal.bound === 'at least' ? value >= goal.limit : value <= goal.limit)
  const sides = [holds(low), holds(high)]
  const near = Math.abs(middle - goal.limit) <= EXCUSED * goal.limit
  const word = holds(middle)
    ? sides.every(Boolean)
      ? 'met'
      : 'met, barely'
    : near && sides.some(Boolean)
      ? 'within noise'
      : 'missed'
  return { goal, median: middle, low, high, rounds: values.length, word }
}
