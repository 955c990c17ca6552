// An empty prefix is most often a wrong scope: says which scopes exist. Looks only now and then, and only when asked to.

import type { Ms } from '../../units/units.js'
import type { Session } from './session.js'

export interface Scopes {
  /** Looks, unless it has just looked; tells the problem line. Never fails: without the right to look nothing is told. */
  look(session: Session, told: (problem: string) => void): void
}

/** Time between two looks, in ms; how many scopes are named; how long a look may take, in ms. */
const EVERY = 5000
const NAMED = 20
const DEADLINE = 1000

export function createScopes(namespace: string, prefix: string, now: () => Ms): Scopes {
  let lookedAt: Ms | undefined
  return {
    look: (session, told) => {
      if (lookedAt !== undefined && now() - lookedAt < EVERY) return
      lookedAt = now()
      session.names(namespace, NAMED, DEADLINE).then(
        names => told(wrongScope(namespace, prefix, names)),
        () => {},
      )
    },
  }
}

function wrongScope(namespace: string, prefix: string, names: readonly string[]): string {
  if (names.length === 0) return `no key below ${prefix}, nor any scope below ${namespace}: check scope and namespace`
  const more = names.length >= NAMED ? ' …' : ''
  return `no key below ${prefix}; scopes that exist: ${names.join(', ')}${more}; set scope to one of them`
}
