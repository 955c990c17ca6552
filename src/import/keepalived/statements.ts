// Finds statements in blocks. Knows that the last one of a kind counts.

import type { Line } from '../finding.js'
import type { Block } from './blocks.js'

/** The last statement that begins with this word. */
export const last = (block: Block | undefined, word: string): Block | undefined =>
  block?.body?.findLast(({ line }) => line.words[0] === word)

/** The value of that statement, with its line. */
export function said(
  block: Block | undefined,
  word: string,
): { readonly value: string; readonly line: Line } | undefined {
  const found = last(block, word)
  return found === undefined ? undefined : { value: found.line.words[1] ?? '', line: found.line }
}

export interface Entry {
  readonly words: readonly string[]
  readonly line: Line
  /** The statement it stands in. */
  readonly head: Line
}

/** What stands between the braces of every statement that begins with this word. */
export const entriesOf = (block: Block | undefined, word: string): readonly Entry[] =>
  (block?.body ?? [])
    .filter(({ line }) => line.words[0] === word)
    .flatMap(({ line: head, body = [] }) => body.map(({ line }) => ({ words: line.words, line, head })))

/** A statement with everything in it. */
export const linesIn = ({ line, body = [] }: Block): readonly Line[] => [line, ...body.flatMap(linesIn)]
