// How a line of the other side is quoted in a comment: on one line, short, and without its secrets.

import { printable } from '../events/printable.js'

const LONGEST = 100
const HIDDEN = '…'

/** Words whose next word is a secret. */
const BEFORE_SECRET = /^(auth_pass|password|passwd|insecure-password|cluster-secret|ca-sign-pass|authorization:?)$/i
/** Words after which nothing is shown: environment variables, and bytes sent by checks (they may log in). */
const BEFORE_SECRETS: readonly (readonly [first: string, second: RegExp])[] = [
  ['setenv', /^/],
  ['presetenv', /^/],
  ['tcp-check', /^send/],
]

/** The words as one text for a comment. */
export function quoted(words: readonly string[]): string {
  const [first = '', second = ''] = words
  const from = BEFORE_SECRETS.some(([word, next]) => word === first && next.test(second)) ? 2 : words.length
  const shown = words
    .slice(0, from)
    .map((word, index) => safeWord(word, words[index - 1] ?? '', words[index - 2] ?? ''))
  const text = printable([...shown, ...(from < words.length ? [HIDDEN] : [])].join(' '))
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}${HIDDEN}` : text
}

function safeWord(word: string, before: string, earlier: string): string {
  if (BEFORE_SECRET.test(before)) return HIDDEN
  if (before === 'auth' && earlier === 'stats') return word.replace(/:.*$/s, `:${HIDDEN}`)
  return word
    .replace(/(:\/\/)[^/@\s]*@/g, `$1${HIDDEN}@`)
    .replace(/((?:password|passwd|pwd|secret|token|authorization)[\\\s]*[=:]).*$/is, `$1${HIDDEN}`)
}
