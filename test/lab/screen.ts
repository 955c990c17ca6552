// What the demo writes to the terminal: steps with their time, a few lines that renew themselves, tables. Elsewhere than on a terminal,
// plain lines and no colour. Knows no server.

export interface Screen {
  line(text?: string): void
  /** Begins something whose end is marked with its time; what began before is marked done. */
  step(title: string): void
  /** Marks what began last as done, or as failed; nothing is marked twice. */
  done(well?: boolean): void
  /** Renews the live lines; elsewhere than on a terminal there are none. None: takes them away. */
  live(lines: readonly string[]): void
  /** Columns of the terminal; elsewhere lines may be as long as they like. */
  width(): number
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  bad(text: string): string
}

/** A screen on a stream of this process. */
export function createScreen(out: NodeJS.WriteStream): Screen {
  const tty = out.isTTY === true
  const paint = (code: number) => (text: string) =>
    tty && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text
  const [bold, dim, bad, good] = [paint(1), paint(2), paint(31), paint(32)]
  let current: { readonly title: string; readonly begun: number } | undefined
  let shown: readonly string[] = []
  const wipe = () => (shown.length === 0 ? '' : `\r\x1b[2K${'\x1b[1A\x1b[2K'.repeat(shown.length - 1)}`)
  const line = (text = '') => void out.write(`${wipe()}${text}\n${shown.join('\n')}`)
  const live = (lines: readonly string[]) => {
    if (!tty) return
    const before = wipe()
    shown = lines.map(text => fit(text, out.columns))
    out.write(before + shown.join('\n'))
  }
  const done = (well = true) => {
    if (!current) return
    const { title, begun } = current
    current = undefined
    live([])
    line(`  ${well ? good('✓') : bad('✗')} ${title} ${dim(`${((performance.now() - begun) / 1000).toFixed(1)} s`)}`)
  }
  const step = (title: string) => {
    done()
    current = { title, begun: performance.now() }
    live([`  ${dim('·')} ${title} …`])
  }
  const width = () => (tty ? out.columns : Number.POSITIVE_INFINITY)
  return { line, step, done, live, width, bold, dim, good, bad }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are the point.
const PAINT = /\x1b\[\d+m/g

/** A line that renews itself must not wrap: one too long loses its colours and its end. */
function fit(text: string, columns: number): string {
  const plain = text.replace(PAINT, '')
  return plain.length < columns ? text : plain.slice(0, columns - 1)
}

/** A text in lines of at most `width` letters, broken between words. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Rows as aligned columns, indented; those of `right` are aligned to the right. Colours take no room. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const size = (cell: string | undefined) => cell?.replace(PAINT, '').length ?? 0
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => size(row[column])))) ?? []
  const pad = (cell: string, column: number) => {
    const blank = ' '.repeat((widths[column] ?? 0) - size(cell))
    return right.includes(column) ? blank + cell : cell + blank
  }
  return rows.map(row => `  ${row.map(pad).join('   ').trimEnd()}`)
}
