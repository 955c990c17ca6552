// Runs one command at intervals and tells when it has begun or ceased to fail. The only place of the sidecar that starts a
// program, and only where the configuration names one.

import { type ChildProcess, spawn } from 'node:child_process'
import type { VrrpScript } from '../config/shape.js'
import { formatMs } from '../units/units.js'

export interface ScriptTrack {
  close(): void
}

/** Runs it now and at every interval; `told` hears why it fails, and undefined when that is over. Not failed at first. */
export function createScriptTrack(script: VrrpScript, told: (why: string | undefined) => void): ScriptTrack {
  let child: ChildProcess | undefined
  let closed = false
  let failing = false
  let inRow = 0

  function ended(why: string | undefined): void {
    child = undefined
    const turn = (why !== undefined) !== failing
    inRow = turn ? inRow + 1 : 0
    if (closed || inRow < (failing ? script.rise : script.fall)) return
    failing = !failing
    inRow = 0
    told(why)
  }

  function run(): void {
    if (child || closed) return
    const [program = '', ...args] = script.command
    let done = false
    const finish = (why: string | undefined) => {
      if (!done) ended(why)
      done = true
    }
    child = spawn(program, args, { stdio: 'ignore', timeout: script.timeout, killSignal: 'SIGKILL' })
    child.on('error', (error: NodeJS.ErrnoException) =>
      finish(`${program} cannot be run (${error.code ?? error.message}); correct the command`),
    )
    child.on('exit', (code, signal) => finish(words(program, code, signal)))
  }

  function words(program: string, code: number | null, signal: NodeJS.Signals | null): string | undefined {
    if (code === 0) return undefined
    if (code !== null) return `${program} ended with ${code}`
    return `${program} was ended by ${signal ?? 'a signal'} (more than ${formatMs(script.timeout)}?)`
  }

  const timer = setInterval(run, script.interval)
  run()
  return {
    close() {
      closed = true
      clearInterval(timer)
      child?.kill('SIGKILL')
    },
  }
}
