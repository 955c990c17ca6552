// Reads a rival's configuration, a file beside this one, and fills in its {{words}}. Knows no rival.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Throws for a word that has no value. */
export function fill(file: string, values: Readonly<Record<string, string | number>>): string {
  // Compiled, this lies in dist; the templates do not.
  const path = fileURLToPath(new URL(`../../../bench/rivals/${file}`, import.meta.url))
  return readFileSync(path, 'utf8').replace(/\{\{(\w+)\}\}/g, (_, word: string) => {
    const value = values[word]
    if (value === undefined) throw new Error(`bench/rivals/${file}: nothing is known for {{${word}}}`)
    return String(value)
  })
}
