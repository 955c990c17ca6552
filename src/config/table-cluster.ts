// The part of the table that says where a PostgreSQL cluster is and how its members are asked.
// Knows one key at a time; rules between keys are in rules.ts.

import { z } from 'zod'
import { readEndpoint, readMemberAddress } from './addresses.js'
import * as kind from './kinds.js'
import { key } from './kinds.js'

const etcdHost = () => kind.address(readEndpoint, 'an etcd endpoint', 'http://host:2379 or https://host:2379')
const patroniUrl = () =>
  kind.address(readEndpoint, "a Patroni REST API's base", 'http://host:8008 or https://host:8008')
const member = () =>
  kind.address(readMemberAddress, 'a PostgreSQL address', 'host:port; the port is 5432 where none is given')
const credentials = (whose: string) => ({
  username: key(kind.text('a user name').exactOptional(), `User name for ${whose}.`),
  password: key(
    kind.secret().exactOptional(),
    `Its password: in the file or the environment, never as a flag. Better is \`passwordFile\`.`,
  ),
  passwordFile: key(kind.file().exactOptional(), 'File that holds the password; one newline at its end is taken off.'),
})

const tlsFiles = (whom: string) => ({
  ca: key(
    kind.file().exactOptional(),
    `Certificates that sign the certificate of ${whom} (PEM); absent: those Node.js trusts.`,
  ),
  cert: key(kind.file().exactOptional(), `Client certificate to show to ${whom} (PEM); needs \`key\`.`),
  key: key(kind.file().exactOptional(), 'Private key of `cert` (PEM).'),
})

const etcd = z.strictObject({
  hosts: key(kind.list(etcdHost()).prefault([]), 'Client endpoints of etcd, all of them. Without a scheme: http.', {
    example: ['http://10.77.0.11:2379', 'http://10.77.0.12:2379', 'http://10.77.0.13:2379'],
  }),
  ...credentials('etcd'),
  ...tlsFiles('etcd'),
})

const patroni = z.strictObject({
  urls: key(
    kind.list(patroniUrl()).prefault([]),
    "Patroni's REST API on some members; the others are found through `/cluster`.",
    {
      example: ['http://10.77.0.21:8008', 'http://10.77.0.22:8008'],
    },
  ),
  interval: key(
    kind.duration('100ms', '1min').prefault('1s'),
    'How often every member is asked; a failed dial asks at once.',
  ),
  ...credentials("Patroni's REST API"),
  ...tlsFiles("Patroni's REST API"),
})

const fixed = z.strictObject({
  members: key(
    kind.list(member()).prefault([]),
    'PostgreSQL addresses. With source `static` these are the members. With source `etcd` they are the addresses of last resort, used while no member key is there.',
    { example: ['10.77.0.21:5432', '10.77.0.22:5432'] },
  ),
})

const probe = z.strictObject({
  user: key(
    kind.text('a user name').exactOptional(),
    'Role that asks each member by SQL; needs CONNECT on `database` and nothing else. Absent: members are asked through Patroni (`GET /patroni`), which is slower. Source `static` needs it.',
  ),
  password: key(
    kind.secret().exactOptional(),
    'Its password: in the file or the environment, never as a flag. Better is `passwordFile`.',
  ),
  passwordFile: key(kind.file().exactOptional(), 'File that holds the password; one newline at its end is taken off.'),
  database: key(kind.text('a database name').prefault('postgres'), 'Database the probe connects to.'),
  sslmode: key(
    kind.choice('disable', 'prefer', 'require', 'verify-ca', 'verify-full').prefault('prefer'),
    'TLS of the probe towards members, in the words of libpq.',
  ),
  ca: key(
    kind.file().exactOptional(),
    'Certificates that sign those of the members (PEM), for `verify-ca` and `verify-full`; absent: those Node.js trusts.',
  ),
  interval: key(
    kind.duration('10ms', '1min').prefault('1s'),
    'How often each member is asked while nothing is going on.',
  ),
  timeout: key(kind.duration('10ms', '1min').prefault('1s'), 'How long an answer may take.'),
  rise: key(kind.count(1, 100).prefault('2'), 'Good answers in a row that make a failed member healthy.'),
  fall: key(kind.count(1, 100).prefault('2'), 'Failed questions or dials in a row that make a member unhealthy.'),
  slowStart: key(
    kind.duration('0', '1h').prefault('10s'),
    'How long a member back from failure gets fewer sessions than its share; 0: no time.',
  ),
})

/** A cluster's keys. */
export const cluster = z.strictObject({
  scope: key(
    kind.text("Patroni's scope", /^[^/\s]+$/, "write Patroni's scope, without slash or blank"),
    "Patroni's `scope`.",
    { derived: "the cluster's name" },
  ),
  namespace: key(kind.namespace().prefault('/service/'), "Patroni's `namespace`: the prefix of its keys."),
  source: key(
    kind.choice('etcd', 'patroni', 'static').prefault('etcd'),
    'Where the topology comes from: `etcd` (watched), `patroni` (REST, for every other DCS) or `static` (no Patroni: each PostgreSQL is asked).',
  ),
  etcd: key(etcd.prefault({}), "The etcd that holds Patroni's keys; for source `etcd`."),
  patroni: key(patroni.prefault({}), "Patroni's REST API; for source `patroni`."),
  static: key(fixed.prefault({}), 'Fixed addresses; for source `static`.'),
  probe: key(probe.prefault({}), 'How members are asked whether they are what they are said to be.'),
})
