// The one question put to PostgreSQL, and how its row is read.
// A role with CONNECT alone gets every column; membership in pg_monitor adds the walreceiver's own timeline, which after
// a switchover tells seconds earlier that a replica follows the new primary (without it: as of its last restartpoint).

import type { Answer } from '../health/answer.js'
import { type Lsn, ms, parseLsn } from '../units/units.js'
import type { Row } from './exchange.js'

/** The functions that fail in recovery are called only outside of it; a server never goes back into recovery while it runs. */
export const QUESTION = `
SELECT recovery,
  (SELECT system_identifier FROM pg_control_system())::text,
  CASE WHEN recovery THEN coalesce(
      (SELECT received_tli FROM pg_stat_wal_receiver),
      (SELECT greatest(c.timeline_id, r.min_recovery_end_timeline) FROM pg_control_checkpoint() c, pg_control_recovery() r))::text
    ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,
  CASE WHEN recovery THEN NULL ELSE pg_current_wal_lsn() END::text,
  receive::text,
  replay::text,
  CASE WHEN receive > replay
    THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 END::text
FROM (SELECT pg_is_in_recovery() AS recovery, pg_last_wal_receive_lsn() AS receive, pg_last_wal_replay_lsn() AS replay
  OFFSET 0) AS asked`

/** The answer in a row of QUESTION, each column as text. A row that cannot be right is `unclear`, never a guess. */
export function answerFromRow(row: Row | undefined): Answer {
  const [recovery, systemId, timeline, current, receive, replay, delay] = row ?? []
  const common = typeof systemId === 'string' ? { systemId } : {}
  if (recovery === 'f') {
    const at = lsnOf(current)
    if (at === undefined) return unclear(`pg_current_wal_lsn() gave ${JSON.stringify(current)}`)
    return { kind: 'primary', lsn: at, ...common, ...timelineOf(timeline, 16) }
  }
  if (recovery !== 't') return unclear(`pg_is_in_recovery() gave ${JSON.stringify(recovery)}`)
  return { kind: 'recovery', ...common, ...timelineOf(timeline, 10), ...positionsOf(receive, replay, delay) }
}

function positionsOf(receive: unknown, replay: unknown, delay: unknown): Pick<Recovery, Position> {
  const receiveLsn = lsnOf(receive)
  const replayLsn = lsnOf(replay)
  const replayDelay = typeof delay === 'string' ? ms(Math.max(0, Number(delay))) : undefined
  return {
    ...(receiveLsn === undefined ? {} : { receiveLsn }),
    ...(replayLsn === undefined ? {} : { replayLsn }),
    ...(replayDelay === undefined ? {} : { replayDelay }),
  }
}

type Recovery = Extract<Answer, { kind: 'recovery' }>
type Position = 'receiveLsn' | 'replayLsn' | 'replayDelay'

/** The first eight digits of a WAL file's name are its timeline in hexadecimal; elsewhere it is decimal. */
function timelineOf(value: unknown, base: 10 | 16): { timeline?: number } {
  const timeline = typeof value === 'string' ? Number.parseInt(value, base) : 0
  return timeline > 0 ? { timeline } : {}
}

const lsnOf = (value: unknown): Lsn | undefined => (typeof value === 'string' ? parseLsn(value) : undefined)

const unclear = (why: string): Answer => ({ kind: 'unasked', reason: 'unclear', why })
