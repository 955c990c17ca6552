// The sidecars connected to the control socket: each is told every 100 ms that the proxy lives and how it is, and tells in
// return what its virtual routers do. The end of such a connection is the sidecar's sign that the proxy is gone.

import type { Duplex } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { Lifeline } from '../linux/lifeline.js'
import { cutLines, type RouterReport, readReports, TICK_MS, type Tick } from '../vrrp/conversation.js'

/** Ticks that a sidecar may leave unread before it is taken for dead: a minute's worth. */
const MOST_UNREAD = 64 * 1024
/** How long an announced successor is spoken of. */
const SUCCESSION_MS = 30_000

export interface Sidecars {
  /** Takes an upgraded connection over. */
  join(socket: Duplex): void
  /** Tells every sidecar now, without waiting for the next tick: what it should hear at once has changed. */
  pulse(): void
  /** From now on, for half a minute, the end of this process means nothing: another takes its place. */
  announceSuccessor(): void
  /** What all of them said last. */
  reports(): readonly RouterReport[]
  connected(): number
  /** Ends them all; one that comes back, because it was told that way that the proxy is gone, is sent away. */
  stop(): void
}

/** `tick` is asked each time anew. The lifeline is begun with the first sidecar. */
export function createSidecars(tick: () => Omit<Tick, 'successor' | 'lifeline'>, lifeline: Lifeline): Sidecars {
  const sidecars = new Map<Duplex, readonly RouterReport[]>()
  let succession: NodeJS.Timeout | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function pulse(): void {
    const name = lifeline.name()
    const now: Tick = {
      ...tick(),
      successor: succession !== undefined,
      ...(name !== undefined && { lifeline: name }),
    }
    const line = `${JSON.stringify(now)}\n`
    for (const socket of sidecars.keys()) {
      if (socket.writableLength > MOST_UNREAD) socket.destroy()
      else socket.write(line)
    }
  }

  function leave(socket: Duplex): void {
    sidecars.delete(socket)
    if (sidecars.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  return {
    pulse,
    join(socket) {
      if (stopped) {
        socket.destroy()
        return
      }
      lifeline.start()
      let rest = ''
      sidecars.set(socket, [])
      // A server's socket of node:http refuses setEncoding().
      const decoder = new StringDecoder('utf8')
      socket.on('data', (piece: Buffer) => {
        const cut = cutLines(rest, decoder.write(piece))
        rest = cut.rest
        const last = cut.lines.at(-1)
        const reports = last === undefined ? undefined : readReports(last)
        if (reports && sidecars.has(socket)) sidecars.set(socket, reports)
      })
      socket.on('error', () => socket.destroy())
      socket.on('end', () => socket.destroy())
      socket.on('close', () => leave(socket))
      timer ??= setInterval(pulse, TICK_MS)
      pulse()
    },
    announceSuccessor() {
      clearTimeout(succession)
      succession = setTimeout(() => {
        succession = undefined
      }, SUCCESSION_MS)
      succession.unref()
      pulse()
    },
    reports: () => [...sidecars.values()].flat(),
    connected: () => sidecars.size,
    stop() {
      stopped = true
      clearTimeout(succession)
      for (const socket of [...sidecars.keys()]) socket.destroy()
    },
  }
}
