// Every scenario, in the order in which they run.

import type { Scenario } from '../scenario.js'
import { queries } from './queries.js'

export const SCENARIOS: readonly Scenario[] = [...queries]
