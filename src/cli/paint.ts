// Colour for a terminal, or none. Knows which meaning has which colour.

export interface Paint {
  good(text: string): string
  bad(text: string): string
  odd(text: string): string
  bold(text: string): string
  faint(text: string): string
}

/** With `colour` false every text stays as it is. */
export function createPaint(colour: boolean): Paint {
  const code = (start: number, end: number) => (text: string) =>
    colour ? `\u001b[${start}m${text}\u001b[${end}m` : text
  return { good: code(32, 39), bad: code(31, 39), odd: code(33, 39), bold: code(1, 22), faint: code(2, 22) }
}

/** Colour only on a terminal that can, and not where NO_COLOR (no-color.org) is set to anything. */
export function wantsColour(tty: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return tty && !env.NO_COLOR && env.TERM !== 'dumb'
}
