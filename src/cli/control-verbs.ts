// The verbs that ask a running router over its control socket, and print what it says.

import { ConfigError } from '../config/problems.js'
import { printable } from '../events/printable.js'
import { ms } from '../units/units.js'
import { ask, type Reply } from './ask.js'
import { type CliDeps, EXIT } from './deps.js'
import { createPaint, type Paint, wantsColour } from './paint.js'
import type { Wanted } from './parse.js'
import { pickSessions } from './pick-sessions.js'
import { renderStatus } from './render.js'
import { renderIncidents } from './render-incidents.js'
import { renderSessions } from './render-sessions.js'
import { over, switchover } from './switchover.js'
import { untilEmpty } from './until-empty.js'
import type { Verb } from './verbs.js'
import { type Heard, watchOnScreen, watchPlainly } from './watch.js'

const DEFAULT_SOCKET = '/run/mekare/control.sock'
/** How long an answer may take, of verbs that wait for something, in milliseconds. */
const PATIENCE: Readonly<Partial<Record<Verb, number>>> = { restart: 60_000, reload: 30_000, drain: 240_000 }
/** How the control socket says that the configuration is to blame. */
const CONFIG_IS_WRONG = 422
/** Shown when no number is given. */
const MOST_INCIDENTS = 10

type ControlVerb = Exclude<Verb, 'run' | 'vrrp' | 'check' | 'import' | 'completion' | 'demo'>

interface Question {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** What of the answer is wanted, as JSON. */
  readonly choose?: (body: string) => string
  /** The answer for a person; absent: it is text already. */
  readonly render?: (body: string, paint: Paint) => string
}

/** Asks, prints and gives the exit code; with --watch until Ctrl-C. */
export async function askVerb(verb: ControlVerb, { args }: Wanted, deps: CliDeps): Promise<number> {
  const socket = args.socket ?? (args.config === undefined ? DEFAULT_SOCKET : await socketOf(args.config, deps))
  if (socket === undefined) return EXIT.config
  if (verb === 'switchover') {
    const clock = () => performance.now()
    return switchover(args, { ...deps, ask: over(socket), paint: paintFor(deps), now: clock })
  }
  const question = questionOf(verb, args)
  const send = () => ask(socket, question.method, question.path, PATIENCE[verb])
  const show = async () => print(await send(), question, args.json, deps)
  if (!args.watch) {
    const code = await show()
    return args.wait && code === EXIT.good ? untilEmpty(socket, args.name ?? '', deps) : code
  }
  if (deps.terminal === undefined || args.json) return watchPlainly(show)
  const asked = async () => heard(await send())
  return watchOnScreen(deps.terminal, deps.out, { ask: asked, paint: paintFor(deps), now: () => ms(performance.now()) })
}

const paintFor = ({ terminal, env }: CliDeps) => createPaint(wantsColour(terminal !== undefined, env))

/** The answer to a watch: the status document, or why there is none. */
function heard(reply: Reply): Heard {
  if (reply.kind === 'unavailable') return { ok: false, why: reply.why }
  if (reply.status !== 200) return { ok: false, why: safe(reply.body).trim() }
  try {
    return { ok: true, status: JSON.parse(reply.body) }
  } catch (error) {
    return { ok: false, why: unreadable(error) }
  }
}

const unreadable = (error: unknown) =>
  `the answer cannot be read (${error}); is the router of another version than this command?`

/** The socket that a file names; undefined when the file is wrong, which is then told. */
async function socketOf(file: string, deps: CliDeps): Promise<string | undefined> {
  try {
    return await deps.socketOf(file)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    deps.err(`${error.message}\n`)
    return undefined
  }
}

function questionOf(verb: Exclude<ControlVerb, 'switchover'>, args: Wanted['args']): Question {
  const { name = '' } = args
  const named = encodeURIComponent(name)
  switch (verb) {
    case 'status':
      return { method: 'GET', path: '/status', render: (body, paint) => renderStatus(JSON.parse(body), paint) }
    case 'sessions':
      if (args.cut !== undefined) return { method: 'POST', path: `/cut?session=${encodeURIComponent(args.cut)}` }
      return {
        method: 'GET',
        path: '/sessions',
        choose: body => JSON.stringify(pickSessions(JSON.parse(body), args)),
        render: (body, paint) => renderSessions(JSON.parse(body), paint),
      }
    case 'incidents':
      return {
        method: 'GET',
        path: '/incidents',
        render: (body, paint) => renderIncidents(JSON.parse(body), Number(name || MOST_INCIDENTS), paint),
      }
    case 'explain':
      return { method: 'GET', path: `/explain?listener=${named}` }
    case 'drain':
    case 'undrain':
      return { method: 'POST', path: `/${verb}?member=${named}` }
    case 'pause':
    case 'resume':
      return { method: 'POST', path: `/${verb}?listener=${named}` }
    case 'restart':
    case 'reload':
      return { method: 'POST', path: `/${verb}` }
    default:
      return verb satisfies never
  }
}

function print(reply: Reply, question: Question, json: boolean, deps: CliDeps): number {
  if (reply.kind === 'unavailable') {
    deps.err(`${reply.why}\n`)
    return EXIT.unavailable
  }
  if (reply.status !== 200) {
    deps.err(safe(reply.body))
    return reply.status === CONFIG_IS_WRONG ? EXIT.config : EXIT.failed
  }
  try {
    const { render = safe, choose } = question
    const body = choose === undefined ? reply.body : `${choose(reply.body)}\n`
    deps.out(json ? body : render(body, paintFor(deps)))
    return EXIT.good
  } catch (error) {
    deps.err(`${unreadable(error)}\n`)
    return EXIT.failed
  }
}

/** Text of the router may quote peers: no control character of theirs reaches the terminal. */
function safe(body: string): string {
  return body.split('\n').map(printable).join('\n')
}
