// The sidecar's connection to the proxy of this host, through the control socket: hears its ticks, tells it what the virtual
// routers do. Its end is the sign that the proxy died, that of the lifeline an earlier one, its silence that it hangs. Judges nothing more.

import { request } from 'node:http'
import { createConnection, type Socket } from 'node:net'
import type { Ms } from '../units/units.js'
import {
  cutLines,
  HUNG_MS,
  type RouterReport,
  readTick,
  SIDECAR_PATH,
  SIDECAR_PROTOCOL,
  type Tick,
} from '../vrrp/conversation.js'

/** What is known of the proxy now. */
export type ProxyView =
  | { readonly kind: 'speaks'; readonly tick: Tick }
  | { readonly kind: 'hung' }
  | { readonly kind: 'gone'; readonly why: string }

export interface ProxyEar {
  /** Tells the proxy, if it is there. */
  say(reports: readonly RouterReport[]): void
  close(): void
}

interface EarDeps {
  readonly path: string
  readonly now: () => Ms
  readonly heard: (view: ProxyView) => void
}

/** Between tries to connect. */
const RETRY_MS = 100
/** Before silence counts, what has arrived meanwhile is read: it may have been us who slept. */
const SECOND_THOUGHT_MS = 20
const MOST_UNREAD = 1 << 20

/** Connects, and connects again whenever the connection ends, until closed. */
export function createProxyEar({ path, now, heard }: EarDeps): ProxyEar {
  let socket: Socket | undefined
  let lifeline: { readonly name: string; readonly socket: Socket } | undefined
  let closed = false
  let retry: NodeJS.Timeout | undefined
  let silence: NodeJS.Timeout | undefined
  let lastTick = now()

  function expectTick(): void {
    clearTimeout(silence)
    silence = setTimeout(() => {
      silence = setTimeout(() => {
        if (now() - lastTick >= HUNG_MS) heard({ kind: 'hung' })
      }, SECOND_THOUGHT_MS)
    }, HUNG_MS)
  }

  function letGo(): void {
    clearTimeout(retry)
    clearTimeout(silence)
    socket?.destroy()
    socket = undefined
    lifeline?.socket.destroy()
    lifeline = undefined
  }

  function lost(why: string): void {
    letGo()
    if (closed) return
    heard({ kind: 'gone', why })
    retry = setTimeout(connect, RETRY_MS)
  }

  /** Holds on to the proxy's lifeline. One that cannot be reached (another network namespace) tells nothing. */
  function follow(name: string | undefined): void {
    if (name === undefined || lifeline?.name === name) return
    lifeline?.socket.destroy()
    const joined = createConnection(`\0${name}`)
    const current = { name, socket: joined }
    lifeline = current
    let held = false
    joined.on('connect', () => {
      held = true
    })
    joined.on('error', () => {})
    joined.on('close', () => held && lifeline === current && lost('the proxy has ended'))
    joined.resume()
  }

  function join(joined: Socket): void {
    let rest = ''
    socket = joined
    joined.setEncoding('utf8')
    joined.on('data', (piece: Buffer | string) => {
      const cut = cutLines(rest, String(piece))
      rest = cut.rest
      const last = cut.lines.at(-1)
      const tick = last === undefined ? undefined : readTick(last)
      if (!tick || socket !== joined) return
      lastTick = now()
      expectTick()
      follow(tick.lifeline)
      heard({ kind: 'speaks', tick })
    })
    joined.on('error', () => joined.destroy())
    joined.on('end', () => joined.destroy())
    joined.on('close', () => socket === joined && lost('the proxy has ended'))
  }

  function connect(): void {
    let done = false
    const failed = (why: string) => {
      if (!done && !closed) lost(why)
      done = true
    }
    const headers = { connection: 'Upgrade', upgrade: SIDECAR_PROTOCOL }
    const asked = request({ socketPath: path, path: SIDECAR_PATH, headers, agent: false, timeout: HUNG_MS })
    asked.on('upgrade', (_response, joined: Socket, head: Buffer) => {
      done = true
      // The request's own timer would end a connection that is merely quiet.
      joined.setTimeout(0)
      if (closed) return void joined.destroy()
      join(joined)
      if (head.length > 0) joined.unshift(head)
      lastTick = now()
      expectTick()
    })
    asked.on('response', response => {
      response.resume()
      failed(`the proxy at ${path} knows no sidecars (HTTP ${response.statusCode}); update it`)
    })
    asked.on('timeout', () => asked.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })))
    asked.on('error', (error: NodeJS.ErrnoException) => failed(`${path}: ${remedy(error)}`))
    asked.end()
  }

  connect()
  return {
    say(reports) {
      if (socket && socket.writableLength < MOST_UNREAD) socket.write(`${JSON.stringify({ routers: reports })}\n`)
    },
    close() {
      closed = true
      letGo()
    },
  }
}

function remedy(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `the proxy does not run (${error.code}); start it with mekare run, or set track.proxy: false`
    case 'EACCES':
    case 'EPERM':
      return `no permission (${error.code}); run the sidecar as the user the proxy runs as`
    case 'ETIMEDOUT':
      return 'the proxy does not answer: it hangs or is stopped (SIGSTOP)'
    default:
      return `${error.message}; is it the control socket of mekare run?`
  }
}
