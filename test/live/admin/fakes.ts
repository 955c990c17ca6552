// What the admin servers ask, faked, and servers of both kinds on top of it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startControl } from '../../../src/admin/control.js'
import type { AdminDeps, AdminServer, Started } from '../../../src/admin/deps.js'
import { createFeeds } from '../../../src/admin/feed.js'
import { startAdmin } from '../../../src/admin/server.js'
import { describe } from '../../../src/events/describe.js'
import type { Event } from '../../../src/events/event.js'
import { noHistory } from '../../../src/history/history.js'
import type { Incident } from '../../../src/incidents/incident.js'
import { createBind } from '../../../src/listening/bind.js'
import { NOTHING } from '../../../src/listening/inherited.js'
import { epochMs, ms } from '../../../src/units/units.js'
import { status as anyStatus, listener } from '../../unit/status-words.js'

export const bind = createBind(NOTHING)

export const status = anyStatus({
  name: 'gate<1>',
  up: ms(1000),
  listeners: [listener('read', { ready: false, why: 'no replica qualifies' })],
})

/** A leader change that is over. */
const switched = (from: string, to: string): Incident => ({
  number: 1,
  cluster: 'demo',
  startedAt: epochMs(1_800_000_000_000),
  cause: 'switchover',
  sign: `failover key: ${from} → ${to}`,
  ...{ from, to, held: 4, lost: 0, cut: 0, refused: 0, waited: true },
  moments: {
    first_sign: ms(0),
    gate_closed: ms(1),
    sessions_lost: ms(200),
    key_moved: ms(1300),
    last_no: ms(1390),
    confirmed: ms(1400),
    first_write: ms(1405),
  },
  lasted: ms(1405),
})

export function fakes() {
  const feeds = createFeeds(() => epochMs(7))
  const drained: string[] = []
  const world = { status, incidents: [] as Incident[] }
  const deps: AdminDeps = {
    status: () => world.status,
    explain: listen => (listen === 'read' ? ['pg1: not usable: the primary', 'pg2: streaming\u001b[2J'] : undefined),
    sessions: () => [],
    incidents: () => world.incidents,
    history: () => noHistory,
    drain(member, on) {
      if (member !== 'pg 3' && member !== 'self') return { ok: false, why: `no member is named ${member}` }
      drained.push(`${member} ${on}`)
      return { ok: true, said: `${member}: ${on ? 'drained' : 'undrained'}` }
    },
    planSwitchover: ({ cluster = 'demo', to = 'pg2' }) =>
      to === 'pg9'
        ? { ok: false, why: `${cluster}: no member is named pg9` }
        : { cluster, from: 'pg1', to, why: 'streaming, 0B behind', sessions: 3, holds: ['write 45s'], incident: 0 },
    async switchover({ from, to }) {
      if (to === 'pg3') return { ok: false, why: 'demo: Patroni refused: no good candidates' }
      world.incidents = [switched(from ?? '', to ?? '')]
      return { ok: true, said: `Patroni: Successfully switched over to "${to}"` }
    },
    cutSession: id =>
      id === 7 ? { ok: true, said: 'session 7 is cut' } : { ok: false, why: `no session ${id} is open` },
    restart: async () => ({ ok: true, said: 'process 2 has taken the place of 1' }),
    pause: (listen, on) => ({ ok: true, said: `${listen} ${on}` }),
    reload: async () => ({ ok: false, why: 'nothing is changed:\nlog.level: wrong', blame: 'config' }),
    metrics: async () => '# metrics\n',
    ready: listen => (listen === 'write' ? { ok: true, why: 'pg1' } : { ok: false, why: 'read: no replica qualifies' }),
    feeds,
  }
  const tell = (event: Event) => feeds.push(describe(event), { event, suppressed: 0 })
  return { deps, tell, drained, world }
}

export function started(outcome: Started): AdminServer {
  if (!outcome.ok) throw new Error(outcome.why)
  return outcome.server
}

/** Why it did not start; ends the test's hope if it did. */
export async function hindered(outcome: Started): Promise<string> {
  if (!outcome.ok) return outcome.why
  await outcome.server.stop()
  return 'it started'
}

export async function admin(t: Test) {
  const world = fakes()
  const server = started(
    await startAdmin({ kind: 'tcp', host: '127.0.0.1', port: 0 }, world.deps, nothingToReport, bind),
  )
  t.teardown(server.stop)
  return { ...world, server, port: Number(server.listening.bound.split(':')[1]) }
}

export function nothingToReport(event: Event): never {
  throw new Error(`nobody expected ${event.kind}`)
}

export function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'mekare-admin-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export async function control(t: Test, more: Partial<AdminDeps> = {}) {
  const world = fakes()
  const path = join(directory(t), 'control.sock')
  const server = started(await startControl(path, { ...world.deps, ...more }, bind))
  t.teardown(server.stop)
  return { ...world, path, server }
}
