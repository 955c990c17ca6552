// What is wrong with a configuration, put so that its operator can mend it. Never holds the value of a secret.

/** One mistake. Read as one line: `path: value why; remedy (origin)`. */
export interface Problem {
  readonly path: string
  /** The value as it may be shown. Absent where nothing was given, or where it could be a secret. */
  readonly value?: string
  readonly why: string
  readonly remedy: string
  /** Where the value came from: `flag --log.level`, `mekare.yaml line 12`. */
  readonly origin?: string
  /** The key that an unknown one was probably meant to be, or that a file was to fill: of that nothing more is told. */
  readonly meant?: string
}

/** Writes a problem as one line. */
export function describeProblem({ path, value, why, remedy, origin }: Problem): string {
  const what = value === undefined ? why : `${value} ${why}`
  return `${path}: ${what}; ${remedy}${origin === undefined ? '' : ` (${origin})`}`
}

/** The operator's mistakes, all of them, a line each in `message`. To be shown without a stack; the process ends with `exitCode`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** EX_CONFIG of sysexits.h. */
  readonly exitCode = 78
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'))
    this.problems = problems
  }
}

const SHOWN_MAX = 80

/** A value for an error text: quoted, cut short, and without what stands before an `@` (credentials in a URL). */
export function shown(value: string): string {
  const at = value.lastIndexOf('@')
  const safe = at < 0 ? value : `…${value.slice(at)}`
  return JSON.stringify(safe.length > SHOWN_MAX ? `${safe.slice(0, SHOWN_MAX)}…` : safe)
}

/** Edits that turn one word into the other: letters added, taken, changed, or two neighbours swapped. */
function distance(a: string, b: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : Infinity
      row.push(Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same, swapped))
    }
    ;[before, last] = [last, row]
  }
  return last[b.length] ?? 0
}

/** A word without what people write differently: case, dashes, underscores. */
export const plain = (word: string): string => word.toLowerCase().replace(/[-_]/g, '')

/** The candidate that a mistyped word was probably meant to be; undefined where none is near. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map(candidate => ({ candidate, off: distance(plain(word), plain(candidate)) }))
    .sort((a, b) => a.off - b.off)
  const [best] = ranked
  return best !== undefined && best.off <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : undefined
}
