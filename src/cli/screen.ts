// A screen that is drawn again and again without flicker: what changed is written over, nothing is cleared first. Knows the
// control sequences of terminals (ECMA-48; xterm's private modes), not what is shown.

import { wrap } from './columns.js'

export interface Size {
  readonly columns: number
  readonly rows: number
}

const CSI = '\u001b['
/** To a screen of its own, with no cursor; and back to what was there before. */
export const ENTER = `${CSI}?1049h${CSI}?25l`
export const LEAVE = `${CSI}?25h${CSI}?1049l`
const HOME = `${CSI}H`
const CLEAR_LINE = `${CSI}K`
const CLEAR_BELOW = `${CSI}J`
/** A terminal that knows these shows what is between them at once; others ignore them. */
const [BEGIN, END] = [`${CSI}?2026h`, `${CSI}?2026l`]

/** The text as one picture: lines that are too long are wrapped, and where there are too many the last one says how many more. */
export function picture(text: string, { columns, rows }: Size): string {
  const lines = text
    .trimEnd()
    .split('\n')
    .flatMap(line => wrap(line, columns))
  const shown =
    lines.length <= rows
      ? lines
      : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines: make the window taller`]
  return `${BEGIN}${HOME}${shown.map(line => line + CLEAR_LINE).join('\r\n')}${CLEAR_BELOW}${END}`
}
