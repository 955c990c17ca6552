// Tells something outside of one event: a command that reads it on standard input, or a URL that it is posted to. Each within a time
// of its own. What a URL, an answer or an environment holds is never told: there may be secrets in it.

import { spawn } from 'node:child_process'
import { formatMs, type Ms } from '../units/units.js'

export interface Target {
  /** A program and its arguments; no shell reads them. */
  readonly command: readonly string[]
  readonly url?: string
  readonly timeout: Ms
}

/** `ended` resolves to why it failed, if it did, and rejects where the system refuses to start it; `stop` ends it at once. */
export interface Run {
  readonly ended: Promise<string | undefined>
  stop(): void
}

/** Begins to tell it: `body` is one line of JSON. Never throws. */
export function runHook(target: Target, event: string, body: string): Run {
  return target.url === undefined ? runCommand(target, event, body) : post(target.url, target.timeout, body)
}

function runCommand({ command, timeout }: Target, event: string, body: string): Run {
  const [program = '', ...args] = command
  let stop = () => {}
  const ended = new Promise<string | undefined>(resolve => {
    let late = false
    // A process group of its own: what the command has started ends with it.
    const child = spawn(program, args, {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: environmentFor(event),
    })
    stop = () => {
      if (child.pid !== undefined && child.exitCode === null) endGroup(child.pid)
    }
    const timer = setTimeout(() => {
      late = true
      stop()
    }, timeout)
    const over = (why: string | undefined) => {
      clearTimeout(timer)
      resolve(why)
    }
    child.on('error', (error: NodeJS.ErrnoException) =>
      over(`${program} cannot be run (${error.code ?? 'unknown error'}); correct the command`),
    )
    child.on('exit', (code, signal) => {
      if (late) over(`${program} took more than ${formatMs(timeout)} and was killed`)
      else if (code === 0) over(undefined)
      else over(code === null ? `${program} was ended by ${signal}` : `${program} ended with ${code}`)
    })
    // One that does not read is not to blame.
    child.stdin?.on('error', () => {})
    child.stdin?.end(`${body}\n`)
  })
  return { ended, stop: () => stop() }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself meanwhile.
  }
}

/** Without what configures this program: passwords may be among it. */
function environmentFor(event: string): Record<string, string | undefined> {
  const own = /^(MEKARE_|LISTEN_|NOTIFY_SOCKET$|WATCHDOG_)/
  const kept = Object.entries(process.env).filter(([name]) => !own.test(name))
  return { ...Object.fromEntries(kept), MEKARE_EVENT: event }
}

function post(url: string, timeout: Ms, body: string): Run {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), timeout)
  const headers = { 'content-type': 'application/json' }
  const asked = fetch(url, { method: 'POST', headers, body, redirect: 'error', signal: abort.signal })
  const ended = asked
    .then(async response => {
      await response.body?.cancel()
      return response.ok ? undefined : `its URL answered HTTP ${response.status}`
    })
    .catch((error: Error & { cause?: NodeJS.ErrnoException }) => {
      if (abort.signal.aborted) return `its URL did not answer within ${formatMs(timeout)}`
      return `its URL cannot be reached (${error.cause?.code ?? 'see that it is right and does not redirect'})`
    })
    .finally(() => clearTimeout(timer))
  return { ended, stop: () => abort.abort() }
}
