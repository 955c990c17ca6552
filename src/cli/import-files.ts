// Opens the files that `mekare import` is given: a file, a directory of them, what keepalived includes. Knows what cannot be a
// configuration before anybody reads it.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import type { Source, Unreadable } from '../import/finding.js'

export interface ImportFiles {
  /** Opens each; of a directory, the files with this ending, in order, as HAProxy does. */
  open(paths: readonly string[], ending: string): readonly Source[] | Unreadable
  /** What an include names, from the directory of the file it stands in; undefined when there is none. */
  include(pattern: string, from: string): readonly Source[] | undefined
}

/** Files of real sites are some kilobytes; this is far beyond any. */
const LARGEST = 4 * 2 ** 20

/** Remembers where the files lie that are only quoted by their last part. */
export function createImportFiles(): ImportFiles {
  const paths = new Map<string, string>()

  function openOne(path: string): Source | Unreadable {
    const text = readText(path)
    if (typeof text !== 'string') return text
    const other = paths.get(basename(path)) ?? path
    const file = other === path ? basename(path) : path
    paths.set(file, path)
    return { file, text }
  }

  return {
    open(given, ending) {
      const sources: Source[] = []
      for (const path of given) {
        const files = filesOf(path, ending)
        if ('unreadable' in files) return files
        for (const file of files) {
          const opened = openOne(file)
          if ('unreadable' in opened) return opened
          sources.push(opened)
        }
      }
      return sources
    },
    include(pattern, from) {
      const whole = isAbsolute(pattern) ? pattern : join(dirname(paths.get(from) ?? ''), pattern)
      const opened = matching(whole).map(openOne)
      const sources = opened.flatMap(one => ('unreadable' in one ? [] : [one]))
      return sources.length === opened.length && opened.length > 0 ? sources : undefined
    },
  }
}

function filesOf(path: string, ending: string): readonly string[] | Unreadable {
  try {
    if (!statSync(path).isDirectory()) return [path]
    const files = namesIn(path).filter(name => name.endsWith(ending) && !name.startsWith('.'))
    if (files.length > 0) return files.map(name => join(path, name))
    return { unreadable: `${path}: holds no file that ends in ${ending}` }
  } catch (error) {
    return unreadable(path, error)
  }
}

function readText(path: string): string | Unreadable {
  try {
    const { size } = statSync(path)
    if (size > LARGEST) return { unreadable: `${path}: has ${size} bytes; a configuration has at most ${LARGEST}` }
    const text = readFileSync(path, 'utf8')
    const binary = text.split('\n').findIndex(line => line.includes('\0'))
    return binary < 0 ? text : { unreadable: `${path}:${binary + 1}: is binary, not a configuration` }
  } catch (error) {
    return unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): Unreadable {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return { unreadable: `${path}: cannot be opened (${code}); give the path of a readable file` }
}

const namesIn = (directory: string): readonly string[] => readdirSync(directory).sort()

/** Files for a pattern with `*` and `?` in its last part. */
function matching(pattern: string): readonly string[] {
  const name = basename(pattern)
  if (!/[*?]/.test(name)) return [pattern]
  const wanted = new RegExp(
    `^${name
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  )
  try {
    return namesIn(dirname(pattern))
      .filter(one => wanted.test(one) && !one.startsWith('.'))
      .map(one => join(dirname(pattern), one))
  } catch {
    return []
  }
}
