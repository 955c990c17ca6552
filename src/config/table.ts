// The table of every key: type, default, unit and explanation. Parser, defaults, TypeScript types, flags, environment,
// sample file, reference page and JSON Schema all come from here. Knows one key at a time; rules between keys are in rules.ts.

import { z } from 'zod'
import * as kind from './kinds.js'
import { key } from './kinds.js'
import { cluster } from './table-cluster.js'
import { hook } from './table-hook.js'
import { listen, listenAddress, session } from './table-listen.js'
import { vrrp } from './table-vrrp.js'

/** The whole configuration. A key without a default here gets one in defaults.ts, or must be given. */
export const table = z.strictObject({
  clusters: key(z.record(z.string(), cluster).prefault({}), 'The PostgreSQL clusters, by a name of your choice.'),
  listen: key(
    z.record(z.string(), listen).prefault({}),
    'The listeners, by a name of your choice. With one cluster `write` and `read` exist by default; `off` in place of the keys takes one away.',
  ),
  session: key(session.prefault({}), 'Limits of sessions. Each listener may set any of these keys for itself.'),
  relay: key(
    z
      .strictObject({
        engine: key(
          kind.choice('auto', 'native', 'net').prefault('auto'),
          'What moves the bytes: `native` (Linux), `net` (everywhere), or the best there is.',
        ),
        threads: key(kind.count(1, 64).prefault('1'), 'Threads of the native engine.'),
        spin: key(
          kind.duration('0us', '10ms').prefault('0us'),
          'How long a thread of the native engine looks for more work before it sleeps.',
        ),
        batch: key(
          kind.choice('auto', 'off').prefault('auto'),
          'Whether a thread of the native engine reads and sends for many sessions in one system call (io_uring), where the kernel lets it; else each on its own.',
        ),
        countQueries: key(
          kind.toggle().prefault('false'),
          'Whether the queries of plaintext sessions are counted, by the heads of their messages: Query, Execute, FunctionCall. Those under TLS cannot be.',
        ),
      })
      .prefault({}),
    'How bytes are moved.',
  ),
  admin: key(
    z
      .strictObject({
        address: key(
          listenAddress().prefault('127.0.0.1:7000'),
          'Where metrics, health and status are read over HTTP. It changes nothing.',
        ),
        socket: key(
          kind.socketPath().prefault('/run/mekare/control.sock'),
          'The control socket, mode 0600: what the other verbs talk to.',
        ),
      })
      .prefault({}),
    'Metrics, status and control.',
  ),
  incidents: key(
    z
      .strictObject({
        file: key(
          kind.statePath().prefault('/var/lib/mekare/incidents.json'),
          'The file in which they outlive a restart; `off`: they are forgotten with the process. The directory must be there.',
        ),
        keep: key(kind.count(1, 1000).prefault('50'), 'How many are kept; the oldest go first.'),
      })
      .prefault({}),
    'The record of leader changes, which `mekare incidents` and the dashboard show.',
  ),
  log: key(
    z
      .strictObject({
        level: key(
          kind.choice('trace', 'debug', 'info', 'warn', 'error').prefault('info'),
          'The least that is logged.',
        ),
        format: key(
          kind.choice('auto', 'pretty', 'json').prefault('auto'),
          '`auto`: pretty on a terminal, JSON lines otherwise.',
        ),
      })
      .prefault({}),
    'The log, on standard output.',
  ),
  fleet: key(
    z.strictObject({
      enabled: key(
        kind.toggle().prefault('true'),
        'Whether this proxy registers in etcd beside the others of its clusters, under a lease, so that each can show all. Nothing waits for it.',
      ),
      name: key(
        kind.text('a name', /^[A-Za-z0-9._-]{1,253}$/, 'write letters, digits, dots, dashes and underscores'),
        'The name of this proxy, in the log, in status and in etcd; each has its own.',
        { derived: 'the host name' },
      ),
    }),
    'The proxies of a cluster, seen together.',
  ),
  hooks: key(
    z.record(z.string(), hook).prefault({}),
    'Whom to tell of leader changes, closed gates and moved addresses: commands and URLs, by a name of your choice.',
  ),
  vrrp: key(
    z.record(z.string(), vrrp).prefault({}),
    'Floating addresses, which `mekare vrrp` holds by VRRP: virtual routers by a name of your choice.',
  ),
})
