// Lays text out in columns. Knows that colour takes no room on the screen.

// biome-ignore lint/complexity/useRegexLiterals: a literal would hold a control character
const COLOUR = new RegExp('\\u001b\\[[0-9]+m', 'g')

/** Rows as lines, each column as wide as its widest cell, two blanks between; no blanks at the end of a line. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string[] {
  const count = Math.max(0, ...rows.map(row => row.length))
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map(row => width(row[i] ?? ''))))
  return rows.map(row => {
    const cells = row.map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - width(cell)))
    return (indent + cells.join('  ')).trimEnd()
  })
}

function width(cell: string): number {
  return [...cell.replace(COLOUR, '')].length
}
