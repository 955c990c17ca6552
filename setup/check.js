// The steps of `npm test`, one after another, all of them even when one fails: types, lint, unused code, unit tests, live
// tests. Ends with one line `N passed, N failed`.

import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BAD, during, GOOD, say } from './progress.js'
import { run, SetupError } from './run.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = (/** @type {string} */ name) => join(root, 'node_modules', '.bin', name)
const TAP = ['run', '--disable-coverage', '--allow-incomplete-coverage', '--reporter=tap']

/** @typedef {{ passed: number, failed: number, shown: string }} Result */

/** A step that is one check: it passes or fails as a whole. @param {string} name @param {...readonly string[]} runs */
const single =
  (name, ...runs) =>
  async () => {
    for (const args of runs) {
      const { code, output } = await run(bin(name), args, { cwd: root })
      if (code !== 0) return { passed: 0, failed: 1, shown: output }
    }
    return { passed: 1, failed: 0, shown: '' }
  }

/** The line with which tap ends a file, and what it says. */
const FILE_DONE = /^(not )?ok \d+ - dist\/test\/(\S+)\.test\.js # time=(\d+)/

/** A step that counts the assertions of tap, and tells of each file. @param {readonly string[]} args */
const tap = args => async (/** @type {(text: string) => void} */ note, /** @type {(text: string) => void} */ tell) => {
  const line = (/** @type {string} */ text) => {
    if (text.startsWith('# Subtest: ')) note(text.slice('# Subtest: '.length))
    const [, bad, file, time] = FILE_DONE.exec(text) ?? []
    if (file) tell(`${bad ? BAD : GOOD} ${file}, ${(Number(time) / 1000).toFixed(1)} s`)
  }
  const { code, output } = await run(bin('tap'), [...TAP, ...args], { cwd: root, line })
  const totals = [...output.matchAll(/^# \{ total: .*\}$/gm)].at(-1)?.[0] ?? ''
  const count = (/** @type {string} */ key) => Number(new RegExp(`\\b${key}: (\\d+)`).exec(totals)?.[1] ?? 0)
  const failed = Math.max(count('fail'), code === 0 ? 0 : 1)
  return { passed: count('pass'), failed, shown: failed > 0 ? failedFiles(output) : '' }
}

/** The whole output of the files that failed, or everything when no file is to blame. @param {string} output */
function failedFiles(output) {
  const files = output.split(/^(?=# Subtest: )/m)
  const failed = files.filter(text => /^not ok /m.test(text))
  return failed.length > 0 ? failed.join('\n') : output
}

/**
 * Live tests that hold a time to a bound, or fill both cores: each runs by itself. All others run two at once: they mostly wait for servers.
 */
const ALONE = new Set([
  'demo',
  'failover',
  'native',
  'pools',
  'relay',
  'restart',
  'sidecar',
  'switchover',
  'virtual-mac',
  'vrrp',
  'vrrp-input',
  'witness',
])

/** The compiled live tests, those of `ALONE` or the others. @param {boolean} alone */
const live = alone =>
  readdirSync(join(root, 'test', 'live'))
    .flatMap(file => /^(.+)\.test\.ts$/.exec(file)?.[1] ?? [])
    .filter(name => ALONE.has(name) === alone)
    .map(name => `dist/test/live/${name}.test.js`)

const STEPS = [
  { title: 'types', work: single('tsc', ['--noEmit', '-p', '.'], ['-p', 'src/dashboard']) },
  { title: 'lint', work: single('biome', ['check', '.']) },
  { title: 'unused code', work: single('knip', []) },
  { title: 'unit tests', work: tap(['--jobs=2', '--timeout=60', 'dist/test/unit/all.js']) },
  { title: 'live tests, two at once', work: tap(['--jobs=2', '--timeout=600', ...live(false)]) },
  { title: 'live tests, each alone', work: tap(['--jobs=1', '--timeout=600', ...live(true)]) },
]

/** @returns {Promise<boolean>} whether everything passed */
async function main() {
  const results = /** @type {(Result & { title: string, seconds: string })[]} */ ([])
  for (const { title, work } of STEPS) {
    const begun = Date.now()
    const result = await during(title, work, ({ failed }) => failed === 0)
    if (result.failed > 0) say(result.shown)
    results.push({ title, ...result, seconds: ((Date.now() - begun) / 1000).toFixed(1) })
  }
  say('')
  for (const { title, passed, failed, seconds } of results) {
    const sign = failed > 0 ? BAD : GOOD
    say(
      `${sign} ${title.padEnd(24)} ${String(passed).padStart(6)} passed ${String(failed).padStart(4)} failed ${seconds.padStart(7)} s`,
    )
  }
  const sum = (/** @type {'passed' | 'failed'} */ key) => results.reduce((total, result) => total + result[key], 0)
  say(`${sum('passed')} passed, ${sum('failed')} failed`)
  return sum('failed') === 0
}

try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = error.message === 'interrupted' ? 130 : 1
}
