// The files a configuration names: the configuration itself, passwords and other secrets, certificates (which only have to be readable here;
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

/** The key whose secret a file holds: `password` of `passwordFile`, `url` of `urlFile`; undefined: it is a file for others. */
function secretOf(path: Entry['path']): Entry['path'] | undefined {
  const name = /^(.+)File$/.exec(path.at(-1) ?? '')?.[1]
  const secret = name === undefined ? [] : [...path.slice(0, -1), name]
  const found = find(secret)
  return 'node' in found && found.node.kind === 'leaf' && found.node.secret ? secret : undefined
}

/** Reads every file that entries name: secrets take the place of their files, others only have to be readable. */
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
    const secret = secretOf(path)
    const meant = secret === undefined ? {} : { meant: dotted(secret) }
    const wrong = (why: string, remedy = REMEDY) =>
      problems.push({ path: dotted(path), value: shown(name), why, remedy, origin, ...meant })
    if ('why' in content) wrong(content.why)
    if (secret === undefined) continue
    entries.delete(dotted(path))
    const noun = secret.at(-1)
    if (given.has(dotted(secret))) wrong(`is given beside a ${noun}`, 'keep one of the two')
    if (!('text' in content)) continue
    const value = content.text.replace(/\r?\n$/, '')
    if (value === '') wrong('is empty', `write the ${noun} into it`)
    else entries.set(dotted(secret), { ...entry, path: secret, value })
  }
  return { entries, problems }
}
