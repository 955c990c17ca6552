// How much garbage the heap may hold. V8 collects the whole of it seldom: it lets the old space of a small, busy process grow to four times
// what lives there, and keeps the memory afterwards. What a router has promoted is what its traffic and its reloads leave behind, and to
// whoever watches its memory that looks like a leak.

import { setFlagsFromString } from 'node:v8'

/** How far the old space may grow over what the last collection left alive, in percent; V8 adds the room of the young space to it. */
const GROWTH_PERCENT = 50

/** Holds for the threads of this process too. Ask for it before anything is built; V8 looks at it with each collection. */
export function boundGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
}
