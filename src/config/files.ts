// The files a configuration names: the configuration itself, passwords, certificates (which only have to be readable here;
// tls.ts reads them for those who use them).

import { readFileSync } from 'node:fs'
import { dotted, type Entries, type Entry } from './entries.js'
import { find } from './keys.js'
import { type Problem, shown } from './problems.js'

/** Gives a file's text, or throws what the system says (`ENOENT` …). */
export type ReadText = (path: string) => string

export const readText: ReadText = path => readFileSync(path, 'utf8')

/** Tries to read; gives the text, or the system's word for why not. */
export function tryRead(read: ReadText, path: string): { readonly text: string } | { readonly why: string } {
  try {
    return { text: read(path) }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    return { why: `cannot be read (${code})` }
  }
}

const REMEDY = 'create it, or let the user that mekare runs as read it'

function isFile({ path }: Entry): boolean {
  const found = find(path)
  return 'node' in found && found.node.kind === 'leaf' && found.node.file
}

/** Reads every file that entries name: passwords take the place of their files, others only have to be readable. */
export function readNamedFiles(
  given: Entries,
  read: ReadText,
): { readonly entries: Entries; readonly problems: readonly Problem[] } {
  const entries: Entries = new Map(given)
  const problems: Problem[] = []
  for (const entry of given.values()) {
    if (!isFile(entry)) continue
    const { path, origin } = entry
    const name = String(entry.value)
    const content = tryRead(read, name)
    const wrong = (why: string, remedy = REMEDY) =>
      problems.push({ path: dotted(path), value: shown(name), why, remedy, origin })
    if ('why' in content) wrong(content.why)
    if (path.at(-1) !== 'passwordFile') continue
    entries.delete(dotted(path))
    const password = [...path.slice(0, -1), 'password']
    if (given.has(dotted(password))) wrong('is given beside a password', 'keep one of the two')
    if (!('text' in content)) continue
    const value = content.text.replace(/\r?\n$/, '')
    if (value === '') wrong('is empty', 'write the password into it')
    else entries.set(dotted(password), { ...entry, path: password, value })
  }
  return { entries, problems }
}
