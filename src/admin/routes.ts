// What each path answers. The public table only reads; the control table adds what names clients and what changes state.
// Knows no socket.

import type { IncomingHttpHeaders } from 'node:http'
import { SESSION_ID } from '../pools/status.js'
import type { AdminDeps, Outcome, SwitchoverWish } from './deps.js'
import { loadPage } from './page.js'

/** Unprocessable content (RFC 9110, section 15.5.21): the request was understood, the configuration cannot be used. */
export const CONFIG_IS_WRONG = 422

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string | Buffer
  /** Over those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A path's handler; `stream` asks for the event stream instead of an answer. */
type Handler = (query: URLSearchParams, headers: IncomingHttpHeaders) => Answer | Promise<Answer> | 'stream'

/** `GET /status` and the like, to handlers. */
export type Routes = Readonly<Record<string, Handler>>

const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})
const json = (value: unknown): Answer => ({
  status: 200,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value)}\n`,
})

/** What anybody who reaches the admin address may read: nothing here changes state or names a session. */
export function publicRoutes(deps: AdminDeps): Routes {
  const page = loadPage()
  return {
    'GET /': (_, headers) => page(headers),
    'GET /metrics': async () => ({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: await deps.metrics(),
    }),
    'GET /healthz': () => text(200, 'ok'),
    'GET /readyz': query => {
      const { ok, why } = deps.ready(query.get('listener') ?? undefined)
      return text(ok ? 200 : 503, why)
    },
    'GET /status': () => json(deps.status()),
    'GET /incidents': () => json(deps.incidents()),
    'GET /history': () => json(deps.history()),
    'GET /events': () => 'stream',
  }
}

/** What the owner of the control socket may do: everything. */
export function controlRoutes(deps: AdminDeps): Routes {
  return {
    ...publicRoutes(deps),
    'GET /explain': query => explain(deps, query.get('listener')),
    'GET /sessions': () => json(deps.sessions()),
    'GET /switchover': query => plan(deps, query),
    'POST /switchover': async query => outcome(await deps.switchover(wishOf(query))),
    'POST /cut': query => cutSession(deps, query.get('session')),
    'POST /drain': query => drain(deps, query.get('member'), true),
    ...(deps.successor && { 'POST /successor': () => outcome(deps.successor?.()) }),
    'POST /pause': query => pause(deps, query.get('listener'), true),
    'POST /resume': query => pause(deps, query.get('listener'), false),
    'POST /restart': async () => outcome(await deps.restart()),
    'POST /reload': async () => outcome(await deps.reload()),
    'POST /undrain': query => drain(deps, query.get('member'), false),
  }
}

function explain(deps: AdminDeps, listen: string | null): Answer {
  const lines = listen === null ? undefined : deps.explain(listen)
  if (lines !== undefined) return text(200, lines.join('\n'))
  const names = deps.status().listeners.map(l => l.name)
  if (listen === null) return text(400, `which listener? Ask /explain?listener=NAME with one of: ${names.join(', ')}`)
  return text(404, `no listener is named ${JSON.stringify(listen)}; there are: ${names.join(', ')}`)
}

async function drain(deps: AdminDeps, member: string | null, on: boolean): Promise<Answer> {
  if (member === null || member === '') return text(400, 'which member? Add ?member=NAME, or ?member=self')
  return outcome(await deps.drain(member, on))
}

function wishOf(query: URLSearchParams): SwitchoverWish {
  const given = (['cluster', 'from', 'to'] as const).flatMap(key => {
    const value = query.get(key)
    return value === null || value === '' ? [] : [[key, value]]
  })
  return Object.fromEntries(given)
}

function plan(deps: AdminDeps, query: URLSearchParams): Answer {
  const made = deps.planSwitchover(wishOf(query))
  return 'ok' in made ? outcome(made) : json(made)
}

function cutSession(deps: AdminDeps, id: string | null): Answer {
  if (id === null || !SESSION_ID.test(id))
    return text(400, 'which session? Add ?session=ID, a number that mekare sessions shows')
  return outcome(deps.cutSession(Number(id)))
}

function pause(deps: AdminDeps, listen: string | null, on: boolean): Answer {
  if (listen === null || listen === '') return text(400, 'which listener? Add ?listener=NAME')
  return outcome(deps.pause(listen, on))
}

function outcome(what: Outcome | undefined): Answer {
  if (what === undefined) return text(404, 'nothing to do here')
  if (what.ok) return text(200, what.said)
  return text(what.blame === 'config' ? CONFIG_IS_WRONG : 409, what.why)
}
