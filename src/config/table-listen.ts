// The part of the table about listeners and sessions. Knows one key at a time; rules between keys are in rules.ts.

import { z } from 'zod'
import { readCidr, readListenAddress } from './addresses.js'
import * as kind from './kinds.js'
import { key } from './kinds.js'

export const listenAddress = () =>
  kind.address(
    readListenAddress,
    'an address to listen on',
    'host:port, [::1]:port, :port or the /path of a Unix socket',
  )
const cidr = () => kind.address(readCidr, 'a CIDR block', 'one such as 10.0.0.0/8 or fd00::/8')

const MOST = 1_000_000

/** The limits of sessions: one section of its own, and part of every listener. */
export const session = z.strictObject({
  max: key(
    kind.countOrAuto(1, MOST).prefault('auto'),
    'Sessions at one time. `auto`: half of the open files the process may have, less a reserve.',
  ),
  maxPerAddress: key(kind.count(0, MOST).prefault('0'), 'Sessions at one time from one client address; 0: no limit.'),
  maxSessionsPerMember: key(
    kind.count(0, MOST).prefault('0'),
    'Sessions at one time on one member; those over it wait; 0: no limit.',
  ),
  startupTimeout: key(kind.duration('100ms', '1h').prefault('10s'), 'How long a client may take to say what it wants.'),
  connectTimeout: key(kind.duration('10ms', '1min').prefault('2s'), 'How long a connection to a member may take.'),
  connectRetries: key(kind.count(0, 10).prefault('2'), 'Further members tried after a failed dial.'),
  idleTimeout: key(
    kind.duration().prefault('0s'),
    'Ends a session that moved no byte for so long; 0: never. Connection pools expect never.',
  ),
  halfCloseTimeout: key(
    kind.duration().prefault('60s'),
    'How long one direction may go on after the other has ended; 0: without limit.',
  ),
  drainTimeout: key(kind.duration('0', '24h').prefault('30s'), 'How long sessions may go on after SIGTERM.'),
  deadAfter: key(
    kind.duration().prefault('15s'),
    'How long a peer may leave what was sent unacknowledged, or keepalive unanswered, before it counts as dead; 0: as the system has it. Needs the native engine; with `net`, keepalive alone ends it.',
  ),
  allow: key(
    kind.list(cidr()).prefault([]),
    'Client addresses that may connect; empty: all. Behind a balancer (`proxyProtocol`): those that it tells.',
    {
      example: ['10.0.0.0/8', 'fd00::/8'],
    },
  ),
  proxyProtocol: key(
    kind.choice('off', 'accept', 'require').prefault('off'),
    'PROXY protocol (version 1 or 2) from a balancer in front: it says who the client is, and that address counts from then on. `accept`: those in `proxyFrom` must send a header, others come as themselves. `require`: everybody must send one, and only those in `proxyFrom` may, if it names any. Whether there must be a header is never guessed from what is sent.',
  ),
  proxyFrom: key(
    kind.list(cidr()).prefault([]),
    'Addresses of the balancers in front, whose word on who the client is counts; needed for `proxyProtocol: accept`. Empty with `require`: everybody’s.',
    { example: ['10.0.0.5', '10.0.0.6'] },
  ),
})

/** A listener's own keys, and those of `session`. */
export const listen = z.strictObject({
  cluster: key(kind.text('the name of a cluster'), 'The cluster it leads to.', {
    derived: 'the only cluster, where there is one',
  }),
  address: key(
    listenAddress(),
    'Where clients connect: `host:port`, `[::1]:5000`, `:5000` (all interfaces) or the path of a Unix socket, for libpq `/directory/.s.PGSQL.PORT`.',
    {
      derived: '`0.0.0.0:5000` for `write`, `0.0.0.0:5001` for `read`',
    },
  ),
  role: key(kind.choice('primary', 'replica', 'sync', 'any'), 'The pool it leads to.', {
    derived: '`primary` for `write`, `replica` for `read`',
  }),
  balance: key(
    kind.choice('least-connections', 'round-robin', 'random-two').prefault('least-connections'),
    'How a member is chosen out of the pool.',
  ),
  holdFor: key(
    kind.duration('0', '1h'),
    'How long a new client waits while there is no member for it; 0: it is refused at once.',
    { derived: '`45s` for role `primary`, else `5s`' },
  ),
  maxHeld: key(kind.count(0, MOST).prefault('5000'), 'Clients waiting at one time.'),
  releaseRate: key(
    kind.count(1, MOST).prefault('200'),
    'Waiting clients let through in a second once there is a member.',
  ),
  maxLag: key(kind.size().prefault('16MiB'), 'Replay lag over which a replica gets no new session.'),
  maxLagTime: key(kind.duration().prefault('0s'), 'The same in time; 0: not looked at.'),
  fallback: key(kind.choice('none', 'primary').prefault('none'), 'Who serves when no replica qualifies.'),
  onPromote: key(
    kind.choice('cut', 'keep').prefault('cut'),
    'What becomes of the sessions on a replica that is promoted; they could write.',
  ),
  target: key(
    kind.choice('postgres', 'pooler').prefault('postgres'),
    'What is dialled: PostgreSQL, or the pooler a member publishes as `proxy_url` (`proxy_address` in patroni.yml). Probes ask PostgreSQL in any case.',
  ),
  mode: key(kind.only('session').prefault('session'), 'How a session uses its link.'),
  forward: key(kind.only('relay').prefault('relay'), 'Who moves the bytes.'),
  tls: key(kind.only('pass').prefault('pass'), 'What is done with TLS: the member answers it.'),
  ...session.shape,
})
