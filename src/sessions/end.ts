// Why a session ended: one closed list. The same word reaches the log line, the metric and the incident.

/** Ends of sessions that were joined to a member, or left in order before. */
export const ENDS = [
  'client', // the client closed
  'backend', // the member closed
  'client_reset', // the client's connection failed
  'backend_reset', // the member's connection failed
  'client_left_held', // the client left while it waited
  'cancelled', // a CancelRequest, passed on
  'cut_leader_moved', // the leader key moved to another member
  'cut_in_recovery', // its primary answered that it is in recovery
  'cut_promoted', // its replica became a primary
  'cut_operator', // an operator ended it
  'cut_shutdown', // the proxy ended before the session did
  'dead_peer', // a side acknowledged nothing for deadAfter although something was under way to it
  'relay_failed', // the engine that moved its bytes failed
  'idle_timeout',
  'login_timeout', // neither side ended a login
  'half_close_timeout',
  'refused_no_primary',
  'refused_no_replica',
  'refused_paused', // its listener is paused by an operator
  'refused_operator', // an operator ended it before it was joined
  'refused_limit', // session.max, maxPerAddress or maxHeld
  'refused_address', // not in session.allow
  'refused_shutdown',
  'refused_startup', // malformed startup
  'refused_timeout', // nothing within startupTimeout
  'bug',
] as const

export type End = (typeof ENDS)[number]

export type Refusal = Extract<End, `refused_${string}`>
