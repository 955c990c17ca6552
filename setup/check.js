// The steps of `npm test`, all of them even when one fails: types, lint, unused code, unit tests, live tests. Those that need one
// processor go side by side. Ends with one line `N passed, N failed in …`. `npm run live -- NAME…` runs these live tests and nothing else.

import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProgram } from './bundle.js'
import { buildIsCurrent } from './packages.js'
import { BAD, during, GOOD, say } from './progress.js'
import { run, SetupError } from './run.js'
import { runFiles } from './test-files.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = (/** @type {string} */ name) => join(root, 'node_modules', '.bin', name)

/** @typedef {import('./test-files.js').Result} Result */
/** @typedef {(note: (text: string) => void, tell: (text: string) => void) => Promise<Result>} Work */

/** A step that is one check: it passes or fails as a whole. @param {string} name @param {...readonly string[]} runs @returns {Work} */
const single =
  (name, ...runs) =>
  async () => {
    for (const args of runs) {
      const { code, output } = await run(bin(name), args, { cwd: root })
      if (code !== 0) return { passed: 0, failed: 1, shown: output }
    }
    return { passed: 1, failed: 0, shown: '' }
  }

/** What was compiled just now without a complaint is not judged again. @type {Work} */
async function types(...told) {
  if (buildIsCurrent(root)) return { passed: 1, failed: 0, shown: '' }
  return single('tsc', ['--noEmit', '-p', '.'], ['-p', 'src/dashboard'])(...told)
}

/** Live tests start the program as it is shipped, once it is bundled. @type {NodeJS.ProcessEnv} */
const shipped = {}

/** @type {Work} */
async function bundled() {
  shipped.MEKARE_PROGRAM = await bundleProgram(root, 'tested')
  return { passed: 1, failed: 0, shown: '' }
}

/** Played on one engine here, for lack of time, and on both by `npm run live -- NAME`. */
const ON_ONE_ENGINE = ['badinput', 'cancel', 'clients', 'pools', 'process', 'reload', 'restart']

/** A step that runs live tests. @param {number} jobs @param {readonly string[]} names @param {readonly string[]} [onOne] @returns {Work} */
const tests =
  (jobs, names, onOne = []) =>
  (note, tell) => {
    const env = (/** @type {string} */ name) =>
      onOne.includes(name) ? { ...shipped, MEKARE_ENGINES: 'native' } : shipped
    const files = names.map(name => ({ path: `dist/test/live/${name}.test.js`, env: env(name) }))
    return runFiles(files, { jobs, cwd: root, note, tell })
  }

/** @type {Work} */
const unit = (note, tell) => runFiles([{ path: 'dist/test/unit/all.js', env: {} }], { jobs: 1, cwd: root, note, tell })

/** Live tests that fill both processors, or hold a time to a close bound. */
const ALONE = ['demo', 'failover', 'native', 'relay', 'storms', 'switchover', 'vrrp-input']

/** Those around an address: their hosts' intervals are short and their bounds are close, but they need little. */
const ADDRESS = ['sidecar', 'vrrp', 'witness', 'virtual-mac']

/** Of the others the longest ones come first, so that none of them runs on by itself at the end. */
const LONG = [
  ...['ansible', 'clients', 'restart', 'dashboard', 'packaging'],
  ...['reload', 'badinput', 'process', 'cancel', 'pools', 'lab'],
]

const live = readdirSync(join(root, 'test', 'live')).flatMap(file => /^(.+)\.test\.ts$/.exec(file)?.[1] ?? [])
const others = live.filter(name => ![...ALONE, ...ADDRESS, ...LONG].includes(name))

/** @typedef {{ title: string, work: Work }} Step */

/** @type {Step} */
const BUNDLE = { title: 'bundle', work: bundled }

/** One group after another, the steps of a group side by side. @type {readonly (readonly Step[])[]} */
const GROUPS = [
  [{ title: 'types', work: types }],
  [
    { title: 'lint', work: single('biome', ['check', '.']) },
    { title: 'unused code', work: single('knip', []) },
    { title: 'unit tests', work: unit },
    BUNDLE,
  ],
  [
    { title: 'live tests, two at once', work: tests(2, LONG, ON_ONE_ENGINE) },
    { title: 'others beside them', work: tests(1, others) },
  ],
  [{ title: 'live tests around an address, two at once', work: tests(2, ADDRESS) }],
  [{ title: 'live tests, each alone', work: tests(1, ALONE) }],
]

/** What the command line asks for. @param {readonly string[]} names */
function chosen(names) {
  const unknown = names.filter(name => !live.includes(name))
  if (unknown.length > 0) throw new SetupError(`${unknown.join(', ')}: no such live test; there are ${live.join(', ')}`)
  return names.length === 0 ? GROUPS : [[BUNDLE], [{ title: 'live tests', work: tests(1, names) }]]
}

/** `95 s` or `8 min 5 s`. @param {number} ms */
function spoken(ms) {
  const seconds = Math.round(ms / 1000)
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** @typedef {Result & { title: string, seconds: string }} Timed */

/** @param {Step} step @param {Parameters<Work>} told @returns {Promise<Timed>} */
async function timed({ title, work }, ...told) {
  const begun = Date.now()
  const result = await work(...told)
  return { title, ...result, seconds: ((Date.now() - begun) / 1000).toFixed(1) }
}

/** @param {readonly string[]} names @returns {Promise<boolean>} whether everything passed */
async function main(names) {
  const start = Date.now()
  const results = /** @type {Timed[]} */ ([])
  for (const group of chosen(names)) {
    const title = group.map(step => step.title).join(', ')
    const ended = await during(
      title,
      (...told) => Promise.all(group.map(step => timed(step, ...told))),
      all => all.every(({ failed }) => failed === 0),
    )
    for (const { failed, shown } of ended) if (failed > 0) say(shown)
    results.push(...ended)
  }
  say('')
  for (const { title, passed, failed, seconds } of results) {
    const sign = failed > 0 ? BAD : GOOD
    say(
      `${sign} ${title.padEnd(46)} ${String(passed).padStart(6)} passed ${String(failed).padStart(4)} failed ${seconds.padStart(7)} s`,
    )
  }
  const sum = (/** @type {'passed' | 'failed'} */ key) => results.reduce((total, result) => total + result[key], 0)
  say(`${sum('passed')} passed, ${sum('failed')} failed in ${spoken(Date.now() - start)}`)
  return sum('failed') === 0
}

try {
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = error.message === 'interrupted' ? 130 : 1
}
