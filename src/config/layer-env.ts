// The environment as a layer: `MEKARE_LISTEN__WRITE__ADDRESS`. Two underscores are the dot; case and single ones do not count,
// so both HOLDFOR and HOLD_FOR are holdFor.

import type { Entry, Layer } from './entries.js'
import { keysOf, type Node, step, tree } from './keys.js'
import { type Problem, plain } from './problems.js'

export type Env = Readonly<Record<string, string | undefined>>

const PREFIX = 'MEKARE_'

/** The name as the table, or another layer, writes it; in lower case where nobody has it yet. */
function spell(word: string, at: Node | undefined, taken: readonly string[]): string {
  const lower = word.toLowerCase()
  const candidates = at?.kind === 'section' ? [...at.fields.keys()] : taken
  return (
    candidates.find(name => name.toLowerCase() === lower) ??
    candidates.find(name => plain(name) === plain(word)) ??
    lower
  )
}

function pathOf(words: readonly string[], names: (section: string) => readonly string[]): readonly string[] {
  const path: string[] = []
  let at: Node | undefined = tree
  for (const word of words) {
    const name = spell(word, at, at?.kind === 'named' ? names(path[0] ?? '') : [])
    at = at === undefined ? undefined : step(at, name)
    path.push(name)
  }
  return path
}

/** A variable with one underscore too few would be ignored in silence: it is told, where it spells a key exactly. */
function misspelt(variable: string): Problem | undefined {
  const meant = keysOf().find(({ path }) => plain(path.join('')) === plain(variable.slice(PREFIX.length)))
  if (meant === undefined) return undefined
  const right = `${PREFIX}${meant.path.join('__').toUpperCase()}`
  return {
    path: meant.path.join('.'),
    why: 'is spelt with too few underscores',
    remedy: `call it ${right}`,
    origin: `environment ${variable}`,
  }
}

/**
 * Reads the environment. `names` gives the clusters (`clusters`) and listeners (`listen`) that other layers name, so that DEMO means `demo`.
 * An empty variable counts as not set; variables without two underscores are somebody else's.
 */
export function readEnvLayer(env: Env, names: (section: string) => readonly string[]): Layer {
  const entries: Entry[] = []
  const problems: Problem[] = []
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.toUpperCase().startsWith(PREFIX) || value === undefined || value === '') continue
    const words = variable.slice(PREFIX.length).split('__')
    const problem = words.length === 1 ? misspelt(variable) : undefined
    if (problem !== undefined) problems.push(problem)
    if (words.length === 1) continue
    entries.push({ path: pathOf(words, names), value, layer: 'environment', origin: `environment ${variable}` })
  }
  return { entries, problems }
}
