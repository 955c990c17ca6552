// The terminal this process runs on, taken over for a while: its size, its keys, and its signals. Given back whatever happens.

import { createInterface } from 'node:readline'
import type { CliDeps, Terminal } from '../cli/deps.js'

const CTRL_C = '\u0003'
/** Where a terminal does not tell its size. */
const USUAL = { columns: 80, rows: 24 }

/** Undefined where standard output is none. */
export function openTerminal({ stdin, stdout } = process): Terminal | undefined {
  if (stdout.isTTY !== true) return undefined
  return {
    size: () => ({ columns: stdout.columns || USUAL.columns, rows: stdout.rows || USUAL.rows }),
    take({ resized, stop }) {
      const onKey = (key: Buffer) => {
        if (key.toString() === 'q' || key.toString() === CTRL_C) stop()
      }
      const keys = stdin.isTTY === true
      if (keys) {
        // Raw: a key is heard at once and not echoed, and Ctrl-C is a key.
        stdin.setRawMode(true)
        stdin.on('data', onKey)
      }
      stdout.on('resize', resized)
      for (const signal of SIGNALS) process.on(signal, stop)
      return () => {
        stdout.off('resize', resized)
        for (const signal of SIGNALS) process.off(signal, stop)
        if (!keys) return
        stdin.off('data', onKey)
        stdin.setRawMode(false)
        stdin.pause()
      }
    },
  }
}

/** Undefined where input or output is none: nobody is there to answer. Ctrl-C and end of input are no. */
export function openQuestion({ stdin, stdout } = process): CliDeps['confirm'] {
  if (stdin.isTTY !== true || stdout.isTTY !== true) return undefined
  return question =>
    new Promise(resolve => {
      const lines = createInterface({ input: stdin, output: stdout })
      lines.question(`${question} [y/N] `, answer => {
        resolve(/^y(es)?$/i.test(answer.trim()))
        lines.close()
      })
      lines.on('close', () => resolve(false))
    })
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
