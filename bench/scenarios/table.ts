// Every scenario, in the order in which they run.

import type { Scenario } from '../scenario.js'
import { address } from './address.js'
import { bulk } from './bulk.js'
import { connect } from './connect.js'
import { copy } from './copy.js'
import { idle } from './idle.js'
import { latency } from './latency.js'
import { leaderChanges } from './leader-change.js'
import { queries } from './queries.js'
import { slowReader } from './slow-reader.js'
import { split } from './split.js'

export const SCENARIOS: readonly Scenario[] = [
  ...queries,
  latency,
  connect,
  copy,
  bulk,
  idle,
  slowReader,
  split,
  ...leaderChanges,
  address,
]
