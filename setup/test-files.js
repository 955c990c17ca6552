// Runs test files, several at once. Each is a program that prints TAP, and is started as such: under tap's own runner every Node process
// that a test starts gets a loader, which more than doubles the processor time of its start and is a thread that no user's has.

import { basename } from 'node:path'
import { BAD, GOOD } from './progress.js'
import { run } from './run.js'

/** @typedef {{ passed: number, failed: number, shown: string }} Result */

/** Longer than any of them takes on a slow machine. */
const MOST_SECONDS = 600

/**
 * What the last line with totals says; a file without one has failed.
 * @param {string} output
 * @param {number} code
 * @returns {{ passed: number, failed: number }}
 */
export function totalsOf(output, code) {
  const totals = [...output.matchAll(/^# \{ total: .*\}$/gm)].at(-1)?.[0] ?? ''
  const count = (/** @type {string} */ key) => Number(new RegExp(`\\b${key}: (\\d+)`).exec(totals)?.[1] ?? 0)
  return { passed: count('pass'), failed: Math.max(count('fail'), code === 0 && totals !== '' ? 0 : 1) }
}

/**
 * Starts them in their order, `jobs` at once. `note` is told what begins, `tell` what has ended.
 * @param {readonly { path: string, env: NodeJS.ProcessEnv }[]} files
 * @param {{ jobs: number, cwd: string, note: (text: string) => void, tell: (text: string) => void }} how
 * @returns {Promise<Result>}
 */
export async function runFiles(files, { jobs, cwd, note, tell }) {
  const waiting = [...files]
  const sum = { passed: 0, failed: 0, shown: '' }
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const name = basename(file.path, '.test.js')
      note(name)
      const begun = Date.now()
      const how = { cwd, env: { ...file.env, TAP_TIMEOUT: `${MOST_SECONDS}` }, seconds: MOST_SECONDS }
      const { code, output, late } = await run(process.execPath, [file.path], how)
      const { passed, failed } = totalsOf(output, code)
      sum.passed += passed
      sum.failed += failed
      if (failed > 0) sum.shown += `# ${file.path}${late ? `: ended after ${MOST_SECONDS} s` : ''}\n${output}\n`
      tell(`${failed > 0 ? BAD : GOOD} ${name}, ${((Date.now() - begun) / 1000).toFixed(1)} s`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return sum
}
