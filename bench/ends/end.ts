// Where the ends lie: small programs in Python that stand at either side of what is measured. Knows none of them.

import { fileURLToPath } from 'node:url'
import { findProgram } from '../../test/lab/programs.js'

/** The command line of one. */
export function endProgram(name: string, ...args: readonly (string | number)[]): string[] {
  const python = findProgram('python3')
  if (!python) throw new Error('python3 was not found; install it')
  // Compiled, this lies in dist; the programs do not.
  return [python, fileURLToPath(new URL(`../../../bench/ends/${name}.py`, import.meta.url)), ...args.map(String)]
}
