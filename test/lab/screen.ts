// What the demo writes to the terminal: steps with their time, one line that renews itself, a small table. Elsewhere than on a
// terminal, plain lines and no colour. Knows no server.

import type { Summary } from './journal.js'

export interface Screen {
  line(text?: string): void
  /** Begins a step; the one before is marked done with its time. */
  step(title: string): void
  /** Marks the last step done. */
  done(): void
  /** Renews the live line (elsewhere than on a terminal: a line a second). An empty text takes it away. */
  live(text: string): void
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  bad(text: string): string
}

/** A screen on stdout. */
export function createScreen(out: NodeJS.WriteStream): Screen {
  const tty = out.isTTY === true
  const paint = (code: number) => (text: string) =>
    tty && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text
  const [bold, dim, bad, good] = [paint(1), paint(2), paint(31), paint(32)]
  let current: { readonly title: string; readonly begun: number } | undefined
  let shown = ''
  let lastPlain = 0
  const wipe = () => {
    if (tty && shown) out.write('\r\x1b[2K')
  }
  const line = (text = '') => {
    wipe()
    out.write(`${text}\n${tty ? shown : ''}`)
  }
  const live = (text: string) => {
    if (tty) {
      wipe()
      shown = fit(text, out.columns)
      out.write(shown)
    } else if (text && performance.now() - lastPlain > 1000) {
      lastPlain = performance.now()
      out.write(`${text}\n`)
    }
  }
  const done = () => {
    if (!current) return
    const { title, begun } = current
    current = undefined
    live('')
    line(`  ${good('✓')} ${title} ${dim(`${((performance.now() - begun) / 1000).toFixed(1)} s`)}`)
  }
  const step = (title: string) => {
    done()
    current = { title, begun: performance.now() }
    if (tty) live(`  ${dim('·')} ${title} …`)
  }
  return { line, step, done, live, bold, dim, good, bad }
}

/** A line that renews itself must not wrap: one too long loses its colours and its end. */
function fit(text: string, columns: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are the point.
  const plain = text.replace(/\x1b\[\d+m/g, '')
  return plain.length < columns ? text : plain.slice(0, columns - 1)
}

const number = (n: number) => n.toLocaleString('en-US')

/** The table of what writer and reader saw; `name` turns a member's address into its name. */
export function summaryTable(seen: Readonly<Record<string, Summary>>, name: (address: string) => string): string[] {
  const rows = Object.entries(seen).map(([who, summary]) => [
    who,
    number(summary.rows),
    summary.gap ? `${number(Math.round(summary.gap.ms))} ms` : 'none',
    String(summary.queryErrors),
    String(summary.connectFailures),
    Object.entries(summary.members)
      .map(([address, n]) => `${name(address)} (${number(n)})`)
      .join(', '),
  ])
  const table = [['', 'answers', 'longest gap', 'errors', 'failed connects', 'answered by'], ...rows]
  const widths = table[0]?.map((_, column) => Math.max(...table.map(row => row[column]?.length ?? 0))) ?? []
  const pad = (cell: string, column: number) => {
    const width = widths[column] ?? 0
    return column === 0 || column === 5 ? cell.padEnd(width) : cell.padStart(width)
  }
  return table.map(row => `  ${row.map(pad).join('   ').trimEnd()}`)
}
