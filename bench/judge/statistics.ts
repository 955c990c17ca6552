// Medians, quantiles and how sure a median is. Pure arithmetic.

/** The middle of the values, the mean of the two middle ones for an even count; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** The nearest-rank quantile of ascending values, `q` from 0 to 1; NaN of none. */
export const quantile = (ascending: ArrayLike<number>, q: number): number =>
  ascending[Math.max(0, Math.ceil(q * ascending.length) - 1)] ?? Number.NaN

export interface Interval {
  readonly low: number
  readonly high: number
}

const COVERAGE = 0.9

/**
 * Where the true median lies with a chance of at least 90 %, whatever the distribution: between the k-th lowest and the k-th
 * highest value (order statistics of the sign test). Up to 7 values that is lowest to highest: 94 % for 5; of fewer than 5 values
 * it is the spread and no more than a hint.
 */
export function medianInterval(values: readonly number[]): Interval {
  const sorted = values.toSorted((a, b) => a - b)
  const n = sorted.length
  let cut = 0
  while (cut + 1 < n / 2 && coverage(n, cut + 1) >= COVERAGE) cut++
  return { low: sorted[cut] ?? Number.NaN, high: sorted[n - 1 - cut] ?? Number.NaN }
}

/** Chance that the median lies between the values left when `cut` are taken away at each end. */
function coverage(n: number, cut: number): number {
  let [chance, ways] = [0, 1]
  for (let below = 0; below <= cut; below++) {
    chance += ways * 0.5 ** n
    ways = (ways * (n - below)) / (below + 1)
  }
  return 1 - 2 * chance
}
