// The primary's host dies: its processes killed (its address answers with resets), or its power gone (its address is silent).

import { now } from '../../test/lab/journal.js'
import { PASSWORDS } from '../../test/lab/options.js'
import { changeSeen, type Field, primaryOf, promotionSeen } from './field.js'
import { atMost, type Figure, must, noted } from './figure.js'
import { onStand } from './stand-site.js'
import { noHarm, sentence } from './switchover.js'

const SESSIONS = 5

/** Kills the primary, sends a psql to wait at the port, and answers the figures. Brings the member back. */
export async function killPrimary(field: Field, silent: boolean): Promise<Figure[]> {
  const { stand } = field
  const writer = await field.writer({ sessions: SESSIONS, everyMs: 20 })
  const old = await primaryOf(stand)
  const since = now()
  if (silent) await stand.cut(old)
  await stand.kill(old)
  const visitor = psql(field)
  await promotionSeen(field, since, old, 90_000)
  const change = await changeSeen(field, writer, { old, since, alone: silent })
  field.say(sentence(change))
  const visit = await visitor
  if (silent) await stand.mend(old)
  stand.start(old)
  return [
    atMost('first session, after the promotion', change.tail, 200, 'ms'),
    atMost(`last of ${SESSIONS} sessions, after the promotion`, change.lastTail, 200, 'ms'),
    noted('from the kill to the promotion', change.promotedAt && change.promotedAt - since, 'ms'),
    must('psql begun while there was no primary', visit.code === 0, visit.text, 'waits and succeeds'),
    ...noHarm([change]),
  ]
}

/** A psql that knows one address and one port. */
async function psql({ stand, proxy }: Field): Promise<{ code: number; text: string }> {
  const [host, port] = proxy.write.split(':')
  const begun = now()
  const statement = 'select pg_is_in_recovery()'
  const url = `host=${host} port=${port} user=app dbname=app`
  const program = `${stand.programs.postgres}/psql`
  const env = { PGPASSWORD: PASSWORDS.app }
  const { code, stdout, stderr } = await stand.clientExec([program, '-XAtq', '-d', url, '-c', statement], env)
  const said = code === 0 && stdout.trim() === 'f' ? 'a primary answered' : `${stdout} ${stderr}`.trim()
  return { code: said === 'a primary answered' ? 0 : code || 1, text: `${said} after ${Math.round(now() - begun)} ms` }
}

export const kill = onStand({
  name: 'kill',
  says: 'all processes of the primary’s host killed, ttl 20',
  run: field => killPrimary(field, false),
})

export const killHost = onStand({
  name: 'kill-host',
  says: 'the primary’s host loses its power: silence, ttl 20',
  run: field => killPrimary(field, true),
})
