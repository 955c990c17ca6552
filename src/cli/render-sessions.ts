// The open sessions as a person reads them. Knows no socket and no terminal.

import { printable } from '../events/printable.js'
import type { SessionStatus } from '../pools/status.js'
import { formatBytes, formatMs } from '../units/units.js'
import { columns } from './columns.js'
import type { Paint } from './paint.js'

/** A row for each session, the longest open first. */
export function renderSessions(sessions: readonly SessionStatus[], paint: Paint): string {
  if (sessions.length === 0) return 'no such session is open\n'
  const counted = sessions.some(({ queries }) => queries !== undefined)
  const head = [
    'ID',
    'LISTENER',
    'CLIENT',
    'STATE',
    'MEMBER',
    'SEEN THERE AS',
    'FOR',
    'FIRST BYTE',
    'UP',
    'DOWN',
    ...(counted ? ['QUERIES'] : []),
  ].map(paint.faint)
  const rows = sessions
    .toSorted((a, b) => b.for - a.for)
    .map(s => [
      String(s.id),
      printable(s.listen),
      printable(s.via === undefined ? s.client : `${s.client} by ${s.via}`),
      s.state === 'held' ? paint.odd(s.state) : s.state,
      printable(s.member ?? '-'),
      printable(s.backendClient ?? '-'),
      formatMs(s.for),
      s.connectTook === undefined ? '-' : formatMs(s.connectTook),
      formatBytes(s.fromClient),
      formatBytes(s.fromMember),
      ...(counted ? [s.queries === undefined ? '-' : String(s.queries)] : []),
    ])
  return `${columns([head, ...rows]).join('\n')}\n`
}
