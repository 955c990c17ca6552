// Measures again what other processes of the machine have disturbed. Knows nothing of what is measured.

import type { Values } from '../judge/metric.js'
import { countOthers } from './others.js'

/** Of all processors: above it a measurement is not trusted. */
const DISTURBED_PERCENT = 8

export interface Steady {
  readonly values: Values
  readonly tries: number
  readonly disturbed: boolean
}

/** Up to `repeats` times more, until one was left alone; answers the one that was disturbed least. `dirs`: where our processes work. */
export async function steadily(
  measure: () => Promise<Values>,
  dirs: () => readonly string[],
  repeats: number,
): Promise<Steady> {
  let [values, least, tries]: [Values, number, number] = [{}, Number.POSITIVE_INFINITY, 0]
  while (tries <= repeats && least > DISTURBED_PERCENT) {
    tries++
    const counted = countOthers(dirs())
    const found = await measure()
    const others = await counted()
    if (others < least) [values, least] = [found, others]
  }
  return { values, tries, disturbed: least > DISTURBED_PERCENT }
}
