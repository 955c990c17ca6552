// Cuts a line of keepalived's configuration into words as keepalived does: quotes, escapes, comments that begin anywhere, braces
// (keepalived.conf(5), "Quoted strings"). Knows no keyword.

export type Cut =
  | { readonly ok: true; readonly words: readonly string[] }
  | { readonly ok: false; readonly why: string }

const PIECE = new RegExp(
  [
    String.raw`(?<blank>\s+)`,
    '(?<comment>[!#].*)',
    String.raw`(?<brace>[{}](?=\s|$|[!#]))`,
    String.raw`"(?<double>(?:\\.|[^"\\])*)"`,
    String.raw`'(?<single>(?:\\.|[^'\\])*)'`,
    String.raw`\\(?<escaped>.)`,
    String.raw`(?<plain>\$\{[^}]*\}|[^\s!#"'\\{}]+|[{}])`,
  ].join('|'),
  'gsy',
)

/** Cuts one line; `{` and `}` are words of their own. */
export function cut(line: string): Cut {
  const words: string[] = []
  let word: string | undefined
  let read = 0
  const end = () => {
    if (word !== undefined) words.push(word)
    word = undefined
  }
  for (const { 0: piece, index, groups = {} } of line.matchAll(PIECE)) {
    read = index + piece.length
    const { blank, comment, brace } = groups
    if (comment !== undefined) break
    if (blank !== undefined) end()
    else if (brace !== undefined) {
      end()
      words.push(brace)
    } else word = (word ?? '') + textOf(groups)
  }
  end()
  if (read === line.length) return { ok: true, words }
  return { ok: false, why: 'has a quote that is never closed' }
}

function textOf({ double, single, escaped, plain }: Readonly<Record<string, string | undefined>>): string {
  return double?.replace(/\\(.)/gs, '$1') ?? single?.replace(/\\(.)/gs, '$1') ?? escaped ?? plain ?? ''
}
