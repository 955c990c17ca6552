// The verbs that ask a running router over its control socket, and print what it says.

import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError } from '../config/problems.js'
import { printable } from '../events/printable.js'
import { ask, type Reply } from './ask.js'
import { type CliDeps, EXIT } from './deps.js'
import { createPaint, type Paint, wantsColour } from './paint.js'
import type { Wanted } from './parse.js'
import { renderStatus } from './render.js'
import { renderIncidents } from './render-incidents.js'
import { renderSessions } from './render-sessions.js'
import { untilEmpty } from './until-empty.js'
import type { Verb } from './verbs.js'

const DEFAULT_SOCKET = '/run/mekare/control.sock'
const WATCH_MS = 1000
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
  /** The answer for a person; absent: it is text already. */
  readonly render?: (body: string, paint: Paint) => string
}

/** Asks, prints and gives the exit code; with --watch until Ctrl-C. */
export async function askVerb(verb: ControlVerb, { args }: Wanted, deps: CliDeps): Promise<number> {
  const socket = args.socket ?? (args.config === undefined ? DEFAULT_SOCKET : await socketOf(args.config, deps))
  if (socket === undefined) return EXIT.config
  const question = questionOf(verb, args.name ?? '')
  const show = async (before: string) => {
    const reply = await ask(socket, question.method, question.path, PATIENCE[verb])
    return print(reply, question, args.json, before, deps)
  }
  if (args.watch) return watch(show, deps)
  const code = await show('')
  return args.wait && code === EXIT.good ? untilEmpty(socket, args.name ?? '', deps) : code
}

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

function questionOf(verb: ControlVerb, name: string): Question {
  const named = encodeURIComponent(name)
  switch (verb) {
    case 'status':
      return { method: 'GET', path: '/status', render: (body, paint) => renderStatus(JSON.parse(body), paint) }
    case 'sessions':
      return { method: 'GET', path: '/sessions', render: (body, paint) => renderSessions(JSON.parse(body), paint) }
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

function print(reply: Reply, question: Question, json: boolean, before: string, deps: CliDeps): number {
  if (reply.kind === 'unavailable') {
    deps.err(`${before}${reply.why}\n`)
    return EXIT.unavailable
  }
  if (reply.status !== 200) {
    deps.err(before + safe(reply.body))
    return reply.status === CONFIG_IS_WRONG ? EXIT.config : EXIT.failed
  }
  const paint = createPaint(wantsColour(deps.tty, deps.env))
  try {
    const render = question.render ?? safe
    deps.out(before + (json ? reply.body : render(reply.body, paint)))
    return EXIT.good
  } catch (error) {
    deps.err(`${before}the answer cannot be read (${error}); is the router of another version than this command?\n`)
    return EXIT.failed
  }
}

/** Text of the router may quote peers: no control character of theirs reaches the terminal. */
function safe(body: string): string {
  return body.split('\n').map(printable).join('\n')
}

/** Shows it each second; a router that is away is said and asked again. Ends with Ctrl-C, which is a good end. */
async function watch(show: (before: string) => Promise<number>, deps: CliDeps): Promise<number> {
  const stop = new AbortController()
  const end = () => stop.abort()
  process.once('SIGINT', end)
  // Cursor to the upper left corner, then clear to the end of the screen (ECMA-48 CUP and ED).
  const before = deps.tty ? '\u001b[H\u001b[J' : ''
  while (!stop.signal.aborted) {
    await show(before)
    await sleep(WATCH_MS, undefined, { signal: stop.signal }).catch(() => {})
  }
  process.off('SIGINT', end)
  return EXIT.good
}
