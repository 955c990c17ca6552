// Cuts a line of HAProxy's configuration into words as HAProxy does: quotes, escapes, comments, environment variables
// (configuration manual of HAProxy 2.6, sections 2.2 and 2.3). Knows no keyword.

/** The words, and the variables of the environment that nobody gave a value; or what is wrong with the line. */
export type Cut =
  | { readonly ok: true; readonly words: readonly string[]; readonly unset: readonly string[] }
  | { readonly ok: false; readonly why: string }

const PIECE = new RegExp(
  [
    String.raw`(?<blank>[ \t\r]+)`,
    '(?<comment>#.*)',
    "'(?<strong>[^']*)'",
    String.raw`"(?<weak>(?:\\.|[^"\\])*)"`,
    String.raw`(?<escaped>\\(?:x[0-9A-Fa-f]{2}|.))`,
    String.raw`(?<plain>[^\s'"\\#]+)`,
  ].join('|'),
  'gsy',
)
const IN_WEAK = /(\\(?:x[0-9A-Fa-f]{2}|.))|\$(?:\{([^}]*)\}|([A-Za-z_.]\w*))/gs
const LETTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/** Cuts one line. `value` gives an environment variable's text; one it does not know stays as `$NAME`. */
export function cut(line: string, value: (name: string) => string | undefined): Cut {
  const words: string[] = []
  const unset: string[] = []
  let word: string | undefined
  let read = 0
  for (const { 0: piece, index, groups = {} } of line.matchAll(PIECE)) {
    read = index + piece.length
    if (groups.comment !== undefined) break
    if (groups.blank === undefined) word = (word ?? '') + textOf(groups, value, unset)
    else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  if (word !== undefined) words.push(word)
  if (read === line.length) return { ok: true, words, unset }
  return {
    ok: false,
    why: line[read] === '\\' ? 'ends in the middle of an escape (\\)' : 'has a quote that is never closed',
  }
}

type Groups = Readonly<Record<string, string | undefined>>

function textOf(
  { strong, weak, escaped, plain }: Groups,
  value: (name: string) => string | undefined,
  unset: string[],
) {
  if (escaped !== undefined) return unescaped(escaped)
  if (weak === undefined) return strong ?? plain ?? ''
  return weak.replace(IN_WEAK, (_, escaped?: string, braced?: string, bare?: string) => {
    if (escaped !== undefined) return unescaped(escaped)
    const [, name = '', fallback] = /^([\w.]+)(?:\[\*\])?(?:-(.*))?$/s.exec(braced ?? bare ?? '') ?? []
    const known = value(name) ?? fallback
    if (known === undefined) unset.push(name)
    return known ?? `$${name}`
  })
}

/** What an escape stands for; a backslash before any other character is kept. */
function unescaped(text: string): string {
  const letter = text[1] ?? ''
  if (text.length === 4) return String.fromCharCode(Number.parseInt(text.slice(2), 16))
  return LETTERS[letter] ?? (/[\s\\#'"$]/.test(letter) ? letter : text)
}
