// The version, as package.json has it.

import { readFileSync } from 'node:fs'

/** Reads the version of the installed package; this file runs from dist/src/main. */
export function readVersion(): string {
  const found: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  return typeof found === 'object' && found !== null && 'version' in found ? String(found.version) : 'unknown'
}
