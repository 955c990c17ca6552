// The log sink: writes what events say as JSON lines or, on a terminal, as plain lines. Written synchronously, so that nothing is
// lost at exit. Knows no metric; floods are thinned by the pure throttle.

import { pino } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from '../config/shape.js'
import { type Description, describe } from '../events/describe.js'
import type { Event } from '../events/event.js'
import type { Level } from '../events/session-sentence.js'
import { noThrottle, type Told, throttle, untold } from '../events/throttle.js'
import type { Ms } from '../units/units.js'

/** Where lines go; each call brings one or more whole lines. */
interface Out {
  write(text: string): void
}

export interface LogDeps {
  readonly level: Config['log']['level']
  readonly format: Config['log']['format']
  readonly now: () => Ms
  /** Called with every line told, whatever the level of the log: what an event stream shows. */
  readonly told?: (line: Description) => void
  /** Where to write; absent: standard output. */
  readonly out?: Out
  /** Whether `out` is a terminal; absent: whether standard output is one. */
  readonly tty?: boolean
}

export interface Log {
  report(event: Event): void
  setLevel(level: Level): void
  /** Writes the sums of floods not told yet. Call it last. */
  close(): void
}

/** Opens the log. `format: auto` writes plain lines on a terminal and JSON lines everywhere else. */
export function createLog(deps: LogDeps): Log {
  const tty = deps.tty ?? process.stdout.isTTY === true
  const plain = deps.format === 'pretty' || (deps.format === 'auto' && tty)
  const out = deps.out ?? standardOutput()
  const logger = pino({ level: deps.level, base: null }, plain ? prettyOut(out, tty) : out)
  let quiet = noThrottle

  function tell(told: Told) {
    const line = withCount(describe(told.event), told.suppressed)
    logger[line.level](line.fields, line.message)
    deps.told?.(line)
  }

  return {
    report(event) {
      const [next, now] = throttle(quiet, event, deps.now())
      quiet = next
      for (const told of now) tell(told)
    },
    setLevel(level) {
      logger.level = level
    },
    close() {
      for (const told of untold(quiet)) tell(told)
      quiet = noThrottle
    },
  }
}

function withCount(line: Description, suppressed: number): Description {
  if (suppressed === 0) return line
  const message = `${line.message} (and ${suppressed} more like it since the last such line)`
  return { ...line, message, fields: { ...line.fields, suppressed } }
}

function standardOutput(): Out {
  const out = pino.destination({ dest: 1, sync: true })
  // The reader of a pipe may leave; there is then nobody to tell, and the router must go on.
  out.on('error', () => {})
  return out
}

/** pino-pretty as a plain function: its own stream would buffer lines that an exit then loses. */
function prettyOut(out: Out, colorize: boolean): Out {
  const line = pretty.prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    hideObject: true,
    ignore: 'pid,hostname',
  })
  return { write: text => out.write(line(text)) }
}
