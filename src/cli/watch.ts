// `status --watch`: the status each second until q or Ctrl-C. On a terminal a screen that is redrawn in place and follows its
// size; elsewhere one answer after another. A router that is away is said, with what it said last.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Status } from '../pools/status.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import { type CliDeps, EXIT, type Terminal } from './deps.js'
import type { Paint } from './paint.js'
import { renderStatus } from './render.js'
import { ENTER, LEAVE, picture } from './screen.js'

const EVERY_MS = 1000

export type Heard = { readonly ok: true; readonly status: Status } | { readonly ok: false; readonly why: string }

export interface WatchDeps {
  readonly ask: () => Promise<Heard>
  readonly paint: Paint
  readonly now: () => Ms
}

/** Shows answers one after another, for a pipe or a file. Ends with Ctrl-C, which is a good end. */
export async function watchPlainly(show: () => Promise<number>): Promise<number> {
  const stop = new AbortController()
  const end = () => stop.abort()
  process.once('SIGINT', end)
  while (!stop.signal.aborted) {
    await show()
    await sleep(EVERY_MS, undefined, { signal: stop.signal }).catch(() => {})
  }
  process.off('SIGINT', end)
  return EXIT.good
}

/** Shows the status on the whole screen. Whatever ends it, the terminal is left as it was. */
export async function watchOnScreen(terminal: Terminal, out: CliDeps['out'], deps: WatchDeps): Promise<number> {
  const stop = new AbortController()
  let last: { readonly status: Status; readonly at: Ms } | undefined
  let trouble: string | undefined
  const draw = () => {
    const size = terminal.size()
    out(picture(textOf(last, trouble, size.columns, deps), size))
  }
  const leave = terminal.take({ resized: draw, stop: () => stop.abort() })
  out(ENTER)
  try {
    while (!stop.signal.aborted) {
      const heard = await deps.ask()
      trouble = heard.ok ? undefined : heard.why
      if (heard.ok) last = { status: heard.status, at: deps.now() }
      if (!stop.signal.aborted) draw()
      await sleep(EVERY_MS, undefined, { signal: stop.signal }).catch(() => {})
    }
  } finally {
    leave()
    out(LEAVE)
  }
  return EXIT.good
}

function textOf(
  last: { readonly status: Status; readonly at: Ms } | undefined,
  trouble: string | undefined,
  width: number,
  { paint, now }: WatchDeps,
): string {
  const hint = paint.faint('q ends')
  if (last === undefined) return `${paint.bad(trouble ?? 'asking')}\n${hint}`
  const age = formatMs(ms(now() - last.at))
  const head = trouble === undefined ? hint : `${paint.bad(`STALE for ${age}`)}: ${trouble}; trying again; ${hint}`
  return `${head}\n${renderStatus(sorted(last.status), paint, width)}`
}

const RANK = { primary: 0, replica: 1, 'no answer': 2 } as const

/** The primary first, who does not answer last. */
function sorted(status: Status): Status {
  const clusters = status.clusters.map(cluster => ({
    ...cluster,
    members: cluster.members.toSorted((a, b) => RANK[a.role] - RANK[b.role] || (a.name < b.name ? -1 : 1)),
  }))
  return { ...status, clusters }
}
