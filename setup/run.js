// Runs a program to its end with its output collected, and passes an interruption on to it: what was begun is brought
// to its end before this process ends.

import { spawn } from 'node:child_process'

/** What stops the set-up with a sentence for the user and no stack. */
export class SetupError extends Error {}

/** How long a program that was told to end has to say why it had not. */
const LAST_WORDS_MS = 10_000

/**
 * Answers exit code and output. `line` sees each line as it comes. One that takes longer than `seconds` is ended. After Ctrl-C it throws, once the program has ended.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, line?: (text: string) => void, seconds?: number }} [how]
 * @returns {Promise<{ code: number, output: string, late: boolean }>} `late`: it was ended
 */
export function run(program, args, { cwd, env, line, seconds } = {}) {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }
    const child = spawn(program, args, /** @type {import('node:child_process').SpawnOptions} */ (options))
    const parts = /** @type {string[]} */ ([])
    for (const stream of [child.stdout, child.stderr]) {
      let begun = ''
      stream?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        parts.push(text)
        const lines = (begun + text).split('\n')
        begun = lines.pop() ?? ''
        for (const one of lines) if (one.trim()) line?.(one.trim())
      })
    }
    let interrupted = false
    let late = false
    const pass = (/** @type {NodeJS.Signals} */ signal) => {
      interrupted = true
      child.kill(signal)
    }
    process.on('SIGINT', pass).on('SIGTERM', pass)
    const timers = /** @type {NodeJS.Timeout[]} */ ([])
    const after = (/** @type {number} */ ms, /** @type {NodeJS.Signals} */ signal) =>
      timers.push(
        setTimeout(() => {
          late = true
          child.kill(signal)
        }, ms),
      )
    if (seconds !== undefined) {
      after(1000 * seconds, 'SIGTERM')
      after(1000 * seconds + LAST_WORDS_MS, 'SIGKILL')
    }
    const settled = () => {
      process.off('SIGINT', pass).off('SIGTERM', pass)
      for (const timer of timers) clearTimeout(timer)
    }
    child.on('error', error => {
      settled()
      reject(new SetupError(`${program}: ${error.message}`))
    })
    child.on('close', code => {
      settled()
      if (interrupted) reject(new SetupError('interrupted'))
      else resolve({ code: code ?? 1, output: parts.join(''), late })
    })
  })
}
