// Reads keepalived's configuration into nested blocks. Knows braces, not what the words mean.

import type { Finding, Line, Source, Unreadable } from '../finding.js'
import { cut } from './cut.js'
import { expand, type Means } from './definitions.js'

/** A statement, with the statements between its braces where it has any. */
export interface Block {
  readonly line: Line
  readonly body: readonly Block[] | undefined
}

export interface Blocks {
  readonly blocks: readonly Block[]
  readonly notes: readonly Finding[]
}

interface Open extends Block {
  body: Open[] | undefined
}

/** Reads one file with what it includes. */
export function readBlocks(source: Source, means: Means): Blocks | Unreadable {
  const { lines, notes } = expand(source, means)
  const top: Open[] = []
  /** The blocks that are open, the outermost first. */
  const open: Open[] = []
  const here = () => open.at(-1)?.body ?? top
  for (const { file, no, text } of lines) {
    const read = cut(text)
    if (!read.ok) return { unreadable: `${file}:${no}: ${read.why}` }
    let words: string[] = []
    const end = () => {
      if (words.length > 0) here().push({ line: { file, no, words }, body: undefined })
      words = []
    }
    for (const word of read.words) {
      if (word !== '{' && word !== '}') words.push(word)
      else {
        end()
        if (word === '}' && open.pop() === undefined)
          return { unreadable: `${file}:${no}: a brace } closes nothing; take it out, or open its block` }
        const begun = word === '{' ? here().at(-1) : undefined
        if (word === '{' && begun === undefined) return { unreadable: `${file}:${no}: a block { has no name` }
        if (begun !== undefined) {
          begun.body = begun.body ?? []
          open.push(begun)
        }
      }
    }
    end()
  }
  const [unclosed] = open
  if (unclosed === undefined) return { blocks: top, notes }
  const { file, no, words } = unclosed.line
  return { unreadable: `${file}:${no}: the block ${words.join(' ').slice(0, 60)} { is never closed` }
}
