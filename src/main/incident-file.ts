// The file in which incidents outlive a restart. What is wrong with it is warned of and costs the memory of old incidents, never
// the router: without a file they are kept as long as the process lives.

import { accessSync, constants, readFileSync, renameSync } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { mergeIncidents, readIncidents, writeIncidents } from '../incidents/file.js'
import type { Incident } from '../incidents/incident.js'

export interface IncidentFile {
  /** What it held, oldest first. */
  readonly past: readonly Incident[]
  /** Has these written soon. What another router wrote meanwhile (one that takes over, or is taken over) stays beside them. */
  save(incidents: readonly Incident[]): void
  /** Waits until what was saved is written. */
  close(): Promise<void>
}

export interface IncidentFileDeps {
  /** An absolute path, or `off`. */
  readonly path: string
  readonly keep: number
  readonly warn: (what: string) => void
}

/** Reads the file, if it is there. */
export function openIncidentFile(deps: IncidentFileDeps): IncidentFile {
  if (deps.path === 'off') return inMemory
  const hindrance = whyUnwritable(deps.path)
  if (hindrance !== undefined) {
    deps.warn(`incidents.file: ${hindrance}; until then incidents are forgotten when this process ends`)
    return inMemory
  }
  const past = readPast(deps)
  return past === undefined ? inMemory : { past, ...createWriter(deps) }
}

const inMemory: IncidentFile = { past: [], save: () => {}, close: async () => {} }

/** Why incidents would not outlive a restart; undefined when they do, or are not meant to. */
export function whyUnwritable(path: string): string | undefined {
  if (path === 'off') return undefined
  const directory = dirname(path)
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    const remedy = 'choose another path, or off'
    if (codeOf(error) === 'ENOENT')
      return `the directory ${directory} does not exist; make it (systemd: StateDirectory=mekare), or ${remedy}`
    return `the directory ${directory} cannot be written to (${codeOf(error)}); give it to this user, or ${remedy}`
  }
}

/** Undefined: there is something at the path that cannot be read nor moved out of the way. */
function readPast({ path, warn }: IncidentFileDeps): readonly Incident[] | undefined {
  const text = textOf(path)
  if (!text.ok) {
    warn(`incidents.file: ${path} cannot be read (${text.why}); it is left alone, and incidents are kept in memory`)
    return undefined
  }
  if (text.text === undefined) return []
  const read = readIncidents(text.text)
  if (read.ok) {
    if (read.dropped > 0) warn(`incidents.file: ${path} holds ${read.dropped} entries that are no incidents; left out`)
    return read.incidents
  }
  return setAside(path, read.why, warn)
}

type Text = { readonly ok: true; readonly text: string | undefined } | { readonly ok: false; readonly why: string }

function textOf(path: string): Text {
  try {
    return { ok: true, text: readFileSync(path, 'utf8') }
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? { ok: true, text: undefined } : { ok: false, why: codeOf(error) }
  }
}

/** It may be somebody's file under a wrong path: it is kept beside, never written over. */
function setAside(path: string, why: string, warn: (what: string) => void): readonly Incident[] | undefined {
  const aside = `${path}.unreadable`
  try {
    renameSync(path, aside)
  } catch (error) {
    warn(`incidents.file: ${path} ${why}, and cannot be moved aside (${codeOf(error)}); incidents are kept in memory`)
    return undefined
  }
  warn(`incidents.file: ${path} ${why}; it is now ${aside}, and a new one is begun`)
  return []
}

/** Writes one after another; of what comes while a write is under way only the last is written. */
function createWriter({ path, keep, warn }: IncidentFileDeps): Omit<IncidentFile, 'past'> {
  let next: readonly Incident[] | undefined
  let writing: Promise<void> | undefined
  let lastWhy: string | undefined

  async function writeAll(): Promise<void> {
    while (next !== undefined) {
      const incidents = next
      next = undefined
      const why = await write(path, incidents, keep).then(() => undefined, codeOf)
      if (why !== undefined && why !== lastWhy) warn(`incidents.file: ${path} cannot be written (${why})`)
      lastWhy = why
    }
    writing = undefined
  }

  return {
    save(incidents) {
      next = incidents
      writing ??= writeAll()
    },
    close: async () => writing,
  }
}

/** Whole or not at all, whatever happens meanwhile: to a file beside it, onto the disk, and only then in its place. */
async function write(path: string, incidents: readonly Incident[], keep: number): Promise<void> {
  const there = readIncidents(await readFile(path, 'utf8').catch(() => ''))
  const beside = `${path}.${process.pid}.new`
  const file = await open(beside, 'w', 0o644)
  try {
    await file.writeFile(writeIncidents(mergeIncidents(there.ok ? there.incidents : [], incidents, keep)))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
