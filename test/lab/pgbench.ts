// Load by pgbench, and its verdict: it ends well, and no transaction has failed.

import { join } from 'node:path'
import type { Test } from 'tap'
import type { Stand } from './stand.js'

/** Runs it to its end. */
export async function pgbench(
  t: Test,
  stand: Stand,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const argv = [join(stand.programs.postgres, 'pgbench'), ...args]
  const { code, stdout, stderr } = await stand.clientExec(argv, env)
  t.equal(code, 0, `${argv.join(' ')} ${code === 0 ? '' : stderr}`)
  const told = stdout.split('\n').filter(line => /^tps|processed/.test(line))
  if (told.length === 0) return
  t.comment(told.join('; '))
  t.match(stdout, /number of failed transactions: 0 /, 'no transaction failed')
}

/** Runs of four seconds of each of these, one after another until it is ended: a slow machine has as much of it as what it goes beside takes. */
export function startLoad(t: Test, stand: Stand, loads: readonly (readonly string[])[]): { end(): Promise<void> } {
  let over = false
  const load = async (args: readonly string[]) => {
    do await pgbench(t, stand, ['-n', '-T', '4', ...args])
    while (!over)
  }
  const all = Promise.all(loads.map(load))
  return {
    end: async () => {
      over = true
      await all
    },
  }
}
