// Cells and tables: what counts on a cell's first line, what belongs to it below. On a narrow screen, where rows become cards, a
// cell says itself what it holds, and its numbers what they are.

import type { ComponentChildren } from 'preact'
import { countWords } from './words.js'

interface CellProps {
  readonly column: Column
  readonly children: ComponentChildren
  readonly below?: ComponentChildren
  readonly more?: ComponentChildren
}

export function Cell({ column, children, below, more }: CellProps) {
  return (
    <td data-label={column.name} class={column.kind}>
      <div>
        <div class="main">{children}</div>
        {below !== undefined && <div class="sub">{below}</div>}
        {more}
      </div>
    </td>
  )
}

/** Numbers under one heading, each under its own word, aligned over all rows. */
export function Numbers({ of, numbers }: { readonly of: readonly string[]; readonly numbers: readonly number[] }) {
  return (
    <span class="numbers">
      {numbers.map((number, i) => (
        <span key={of[i]} data-of={of[i]}>
          {countWords(number)}
        </span>
      ))}
    </span>
  )
}

export interface Column {
  readonly name: string
  /** How wide it is and where its text stands: a class of the style sheet. */
  readonly kind?: 'numbers' | 'right' | 'wide' | 'some' | 'short'
  /** What the numbers of its cells are. */
  readonly of?: readonly string[]
}

interface TableProps {
  /** Says what the table holds, for who hears it. */
  readonly caption: string
  readonly columns: readonly Column[]
  readonly children: ComponentChildren
}

export function Table({ caption, columns, children }: TableProps) {
  return (
    <table class="cards">
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ name, kind, of }) => (
            <th key={name} scope="col" class={kind}>
              {name}
              {of && (
                <span class="numbers">
                  {of.map(word => (
                    <span key={word}>{word}</span>
                  ))}
                </span>
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  )
}
