// What reading somebody else's configuration yields: keys of ours, holes that only the operator can fill, and what is to be said
// of a line. Findings are values; print.ts makes the text of them.

/** A file as it was read, by the name it is quoted under. */
export interface Source {
  readonly file: string
  readonly text: string
}

/** A line that says something, cut into words. */
export interface Line {
  readonly file: string
  readonly no: number
  readonly words: readonly string[]
}

/** A value as the configuration writes it. */
export type Value = string | readonly string[]

/**
 * What becomes of a line, or a part of it, that is no key: `idle`: nothing is lost (mekare does so anyway, or it is set elsewhere);
 * `gone`: there is no counterpart, and the operator should know; `unknown`: nobody has told this importer what it means.
 */
export type Tone = 'idle' | 'gone' | 'unknown'

export interface Key {
  readonly kind: 'key'
  /** `listen.write.address` */
  readonly path: string
  readonly value: Value
  /** The lines it came from. */
  readonly from: readonly Line[]
  readonly say: string
}

/** What the other side does not know. Without a value the key stands as a comment. */
interface Hole {
  readonly kind: 'hole'
  readonly path: string
  readonly value: Value | undefined
  /** How the key would be written, where it has no value. */
  readonly example: string
  readonly from: readonly Line[]
  readonly say: string
}

export interface Note {
  readonly kind: 'note'
  readonly tone: Tone
  readonly line: Line
  /** The part of the line that is meant; absent: all of it. */
  readonly part: string | undefined
  readonly why: string
}

export type Finding = Key | Hole | Note

/** A key of ours, with the lines it came from. */
export const key = (path: string, value: Value, from: readonly Line[], say = ''): Key => ({
  kind: 'key',
  path,
  value,
  from,
  say,
})

/** The same where there is a value, else nothing. */
export const maybe = (path: string, value: Value | undefined, from: readonly Line[], say = ''): readonly Key[] =>
  value === undefined ? [] : [key(path, value, from, say)]

/** A key with a value that must still be changed. */
export const hole = (path: string, value: Value, say: string, from: readonly Line[] = []): Hole => ({
  kind: 'hole',
  path,
  value,
  example: '',
  from,
  say,
})

/** A key that may be given, shown as a comment with an example. */
export const offer = (path: string, example: string, say: string, from: readonly Line[] = []): Hole => ({
  kind: 'hole',
  path,
  value: undefined,
  example,
  from,
  say,
})

/** Says of a line, or of a part of it, why it is no key. */
export const note = (tone: Tone, line: Line, why: string, part?: string): Note => ({
  kind: 'note',
  tone,
  line,
  part,
  why,
})

/** Why a file cannot be read as what it was given for, in one line with its place. */
export interface Unreadable {
  readonly unreadable: string
}

/** Whether a line begins with these words. */
export const begins = ({ words }: Line, ...first: readonly string[]): boolean =>
  first.every((word, index) => words[index] === word)
