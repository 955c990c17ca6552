// Lays text out for a terminal: in columns, and within a width. Knows that colour takes no room on the screen.

// biome-ignore lint/complexity/useRegexLiterals: a literal would hold a control character
const COLOUR = new RegExp('\\u001b\\[[0-9]+m', 'g')

/** Rows as lines, each column as wide as its widest cell, two blanks between; no blanks at the end of a line. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string[] {
  const count = Math.max(0, ...rows.map(row => row.length))
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map(row => widthOf(row[i] ?? ''))))
  return rows.map(row => {
    const cells = row.map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - widthOf(cell)))
    return (indent + cells.join('  ')).trimEnd()
  })
}

/**
 * The same for a screen of `width`: while a line is too long, the columns named in `spare` are left out, one after another.
 * What then is still too long stays so.
 */
export function fittingColumns(
  rows: readonly (readonly string[])[],
  {
    indent = '',
    width,
    spare,
  }: { readonly indent?: string; readonly width: number; readonly spare: readonly number[] },
): string[] {
  const lines = columns(rows, indent)
  const [next, ...later] = spare
  if (next === undefined || lines.every(line => widthOf(line) <= width)) return lines
  const left = rows.map(row => row.toSpliced(next, 1))
  const moved = later.map(column => (column > next ? column - 1 : column))
  return fittingColumns(left, { indent, width, spare: moved })
}

/** One line as lines no longer than `width`, broken at blanks; the further ones stand four blanks further in. Colours are kept. */
export function wrap(line: string, width: number): string[] {
  if (widthOf(line) <= width) return [line]
  const own = /^ */.exec(line)?.[0] ?? ''
  const hang = ' '.repeat(Math.min(own.length + 4, Math.floor(width / 2)))
  const lines: string[] = []
  let current = own
  for (const word of line
    .trimStart()
    .split(' ')
    .flatMap(word => pieces(word, width - hang.length))) {
    const joined = current.trim() === '' ? current + word : `${current} ${word}`
    if (widthOf(joined) <= width) current = joined
    else {
      lines.push(current)
      current = hang + word
    }
  }
  return [...lines, current]
}

/** A word longer than a line, in pieces; a coloured one is left whole. */
function pieces(word: string, width: number): string[] {
  if (widthOf(word) <= width || word.search(COLOUR) >= 0) return [word]
  const letters = [...word]
  const count = Math.ceil(letters.length / width)
  return Array.from({ length: count }, (_, i) => letters.slice(i * width, (i + 1) * width).join(''))
}

export function widthOf(text: string): number {
  return [...text.replace(COLOUR, '')].length
}
