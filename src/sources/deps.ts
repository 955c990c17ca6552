// What every source needs from the outside: clocks, and where to report.

import type { Report } from '../events/event.js'
import type { EpochMs, Ms } from '../units/units.js'

export interface SourceDeps {
  /** The monotonic clock. */
  readonly now: () => Ms
  /** The time of day; used for `scheduled_at` only. */
  readonly wall: () => EpochMs
  readonly report?: Report
  /** The cluster's name in reports; its scope where not given. */
  readonly cluster?: string
}
