// The log sink: writes what events say as JSON lines or, on a terminal, as plain lines. Its end waits for what is still
// to be written. Knows no metric; floods are thinned by the pure throttle.

import { pino } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from '../config/shape.js'
import { type Description, describeTold, levelOf } from '../events/describe.js'
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
  /** Called with every line told from info on and what it tells of, whatever the level of the log: what an event stream shows. */
  readonly told?: (line: Description, told: Told) => void
  /** Where to write; absent: standard output. */
  readonly out?: Out
  /** Whether `out` is a terminal; absent: whether standard output is one. */
  readonly tty?: boolean
}

/** News of single sessions and probes: they would push out what matters. */
const MINOR: ReadonlySet<Level> = new Set(['trace', 'debug'])

export interface Log {
  report(event: Event): void
  /** From now on lines are written so. */
  change(to: Pick<LogDeps, 'level' | 'format'>): void
  /** Writes the sums of floods not told yet, and waits for what is still to be written, a second at most. Call it last. */
  close(): Promise<void>
}

/** Opens the log. `format: auto` writes plain lines on a terminal and JSON lines everywhere else. */
export function createLog(deps: LogDeps): Log {
  const tty = deps.tty ?? process.stdout.isTTY === true
  const standard = deps.out ? undefined : standardOutput()
  const out = deps.out ?? standard ?? { write: () => {} }
  const open = ({ level, format }: Pick<LogDeps, 'level' | 'format'>) => {
    const plain = format === 'pretty' || (format === 'auto' && tty)
    return pino({ level, base: null }, plain ? prettyOut(out, tty) : out)
  }
  let logger = open(deps)
  let quiet = noThrottle

  const isHeard = (level: Level) => logger.isLevelEnabled(level) || (deps.told !== undefined && !MINOR.has(level))

  function tell(told: Told) {
    // Of each session's news, which come by the thousand, nothing is made that nobody reads.
    if (!isHeard(levelOf(told.event))) return
    const line = describeTold(told)
    logger[line.level](line.fields, line.message)
    if (!MINOR.has(line.level)) deps.told?.(line, told)
  }

  return {
    report(event) {
      const [next, now] = throttle(quiet, event, deps.now())
      quiet = next
      for (const told of now) tell(told)
    },
    change(to) {
      logger = open(to)
    },
    async close() {
      for (const told of untold(quiet)) tell(told)
      quiet = noThrottle
      await standard?.end()
    },
  }
}

/** What may wait for a reader of standard output that does not read; beyond it lines are dropped, and counted. */
const MOST_WAITING = 4 * 1024 * 1024
/** How long the last lines may take at the end. */
const LAST_LINES_MS = 1000

/** Written behind the scenes: a reader that stops reading must not stop the router. */
function standardOutput(): Out & { end(): Promise<void> } {
  const out = pino.destination({ dest: 1, sync: false, maxLength: MOST_WAITING })
  let dropped = 0
  // The reader of a pipe may leave; there is then nobody to tell, and the router must go on.
  out.on('error', () => {})
  out.on('drop', () => dropped++)
  out.on('drain', () => {
    if (dropped > 0)
      out.write(
        `${JSON.stringify({ level: 40, time: Date.now(), msg: `${dropped} lines of the log were dropped: nobody read them` })}\n`,
      )
    dropped = 0
  })
  return {
    write: text => void out.write(text),
    end: () =>
      new Promise(resolve => {
        setTimeout(resolve, LAST_LINES_MS).unref()
        out.flush(() => resolve())
      }),
  }
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
