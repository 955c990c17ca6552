// Reads what Patroni's REST API says to GET /patroni as an answer to "are you a primary, now?".
// Knows when Patroni speaks for the database and when only from its own memory. Sends nothing.
// Source: patroni/api.py, get_postgresql_status(): `xlog` is there only when the database itself was asked.

import { type Lsn, lsn } from '../units/units.js'
import type { Answer } from './answer.js'

/** States in which Patroni says that PostgreSQL cannot be used: patroni/postgresql/__init__.py and bootstrap.py. */
const NOT_RUNNING =
  /^(starting|stopping|stopped|restarting|crashed|start failed|restart failed|stop failed|creating replica|initializing|initdb failed|bootstrap|running custom bootstrap|custom bootstrap failed|starting after custom bootstrap)/

const PRIMARY_ROLES: ReadonlySet<unknown> = new Set(['primary', 'master'])
const RECOVERY_ROLES: ReadonlySet<unknown> = new Set(['replica', 'standby_leader'])

type Fields = Readonly<Record<string, unknown>>

/** The answer in Patroni's reply, by HTTP status and parsed body. It never throws; what decides nothing is `unclear`. */
export function answerFromPatroni(status: number, json: unknown): Answer {
  if (status !== 200) return unclear(`answered HTTP ${status} to GET /patroni; is this Patroni's REST API?`)
  const body = fieldsOf(json)
  if (body === undefined) return unclear('answered something that is not a JSON object to GET /patroni')
  if (body.state !== 'running') return notRunning(body.state)
  const xlog = fieldsOf(body.xlog)
  if (xlog === undefined) return unclear('says running without a WAL position: it speaks from memory')
  return fromRunning(body, xlog)
}

function fromRunning(body: Fields, xlog: Fields): Answer {
  const location = lsnOf(xlog.location)
  const common = { ...systemIdOf(body), ...timelineOf(body) }
  if (PRIMARY_ROLES.has(body.role) && location !== undefined) return { kind: 'primary', lsn: location, ...common }
  const replayLsn = lsnOf(xlog.replayed_location)
  const receiveLsn = lsnOf(xlog.received_location)
  const isRecovery = replayLsn !== undefined || receiveLsn !== undefined
  if (!RECOVERY_ROLES.has(body.role) || !isRecovery) {
    return unclear(`says role ${JSON.stringify(body.role)} with WAL positions that do not fit it`)
  }
  return {
    kind: 'recovery',
    ...common,
    ...(receiveLsn === undefined ? {} : { receiveLsn }),
    ...(replayLsn === undefined ? {} : { replayLsn }),
  }
}

function notRunning(state: unknown): Answer {
  if (typeof state === 'string' && NOT_RUNNING.test(state)) {
    return { kind: 'unasked', reason: 'starting', why: `Patroni says PostgreSQL is ${state}` }
  }
  return unclear(`says state ${JSON.stringify(state)}`)
}

const unclear = (what: string): Answer => ({ kind: 'unasked', reason: 'unclear', why: `Patroni ${what}` })

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}

/** Patroni writes positions as byte counts; 0 stands for "none". */
function lsnOf(value: unknown): Lsn | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? lsn(value) : undefined
}

function timelineOf(body: Fields): { timeline?: number } {
  return typeof body.timeline === 'number' && body.timeline > 0 ? { timeline: body.timeline } : {}
}

function systemIdOf(body: Fields): { systemId?: string } {
  const id = body.database_system_identifier
  return typeof id === 'string' && id !== '' ? { systemId: id } : {}
}
