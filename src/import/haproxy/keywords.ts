// Every keyword of HAProxy's configuration that this importer knows (manual of 2.6, sections 3, 4.1): the key it becomes, or why it
// becomes none. `no` and `default` in front do not count. A star stands for the rest of a word.

import type { Line } from '../finding.js'
import { each, gone, idle, type Rule, type Rules, to } from '../rules.js'

const PROCESS = 'belongs to the unit (systemd: User=, LimitNOFILE=, …)'
const TLS = 'mekare passes TLS through and speaks none itself'
const LOGGED = 'connections are always logged, on standard output; see log.level and log.format'
const HTTP = 'of HTTP; mekare forwards PostgreSQL'
const TUNING = 'tunes HAProxy; nothing to do'
const CHECKS = 'the cluster itself says who is primary and who is not; each member is asked by SQL or through Patroni'
const KEEPALIVE = 'keepalive is always on, towards clients and members; see session.deadAfter'
const STICKY = 'sessions are not bound to a member by the client: balance chooses'
const RATES = 'rates are not limited; session.maxPerAddress limits how many sessions a client address has'
const ALERTS = 'alerts come from Prometheus: config/prometheus-alerts.yml'
const EXTENSIONS = 'HAProxy alone can be extended like this'
const VARIABLE = 'read where the variable stands'

export const GLOBAL: Rules = {
  maxconn: to('session.max'),
  'hard-stop-after': to('session.drainTimeout'),
  grace: idle('sessions that are open go on for session.drainTimeout after SIGTERM'),
  ...each(
    'daemon | master-worker | mworker-max-reloads | user | uid | group | gid | chroot | pidfile | ulimit-n | fd-hard-limit | strict-limits',
    idle(PROCESS),
  ),
  ...each(
    'set-dumpable | insecure-setuid-wanted | insecure-fork-wanted | unix-bind | quiet | zero-warning | default-path | localpeer',
    idle(PROCESS),
  ),
  ...each(
    'nbproc | nbthread | thread-group | thread-groups | cpu-map | numa-cpu-mapping',
    idle('relay.threads says how many threads move bytes; one is enough for most'),
  ),
  ...each('log | log-tag | log-send-hostname', idle(LOGGED)),
  ...each('node | description', idle('fleet.name is the name of this proxy; by default the host name')),
  'stats socket': idle(
    'the control socket is admin.socket, mode 0600; mekare status, drain and the other verbs use it',
  ),
  stats: idle('the control socket is admin.socket'),
  ...each('ca-base | crt-base | issuers-chain-path | maxsslconn | maxsslrate | ssl-* | tune.ssl.*', idle(TLS)),
  ...each(
    'tune.* | busy-polling | max-spread-checks | spread-checks | maxcompcpuusage | maxcomprate | maxpipes | maxzlibmem',
    idle(TUNING),
  ),
  ...each(
    'no-memory-trimming | noepoll | noevports | nogetaddrinfo | nokqueue | nopoll | noreuseport | nosplice | profiling.*',
    idle(TUNING),
  ),
  ...each(
    'pp2-never-send-local | close-spread-time | expose-experimental-directives | expose-deprecated-directives',
    idle(TUNING),
  ),
  ...each('maxconnrate | maxsessrate', gone(RATES)),
  ...each('h1-* | h2-* | h2-workaround-bogus-websocket-clients | httpclient.*', idle(HTTP)),
  ...each('server-state-base | server-state-file', idle('state is asked anew at every start')),
  ...each('setenv | presetenv', idle(VARIABLE)),
  ...each('resetenv | unsetenv', gone('variables keep the value they had')),
  'external-check': gone(CHECKS),
  ...each('lua-* | set-var | set-var-fmt | 51degrees-* | deviceatlas-* | wurfl-* | cluster-secret', gone(EXTENSIONS)),
}

const UNUSED = 'no listener takes it from here'
const listener = (name: string): Rule => to(`listen.<name>.${name}`, UNUSED)

export const PROXY: Rules = {
  bind: listener('address'),
  server: to('clusters.<name>.static.members', UNUSED),
  'default-server': to('clusters.<name>.probe', UNUSED),
  'server-template': gone('members are named and found by Patroni'),
  ...each('default_backend | use_backend', listener('role')),
  mode: idle('TCP is all there is'),
  balance: to('listen.<name>.balance', 'there is one member to go to, or nobody uses it'),
  maxconn: listener('max'),
  retries: listener('connectRetries'),
  'timeout connect': listener('connectTimeout'),
  ...each('timeout client | timeout server | timeout tunnel', listener('idleTimeout')),
  ...each('timeout client-fin | timeout server-fin', listener('halfCloseTimeout')),
  'timeout queue': listener('holdFor'),
  ...each('timeout | clitimeout | contimeout | srvtimeout', gone('has no counterpart')),
  'timeout check': to('clusters.<name>.probe.timeout', UNUSED),
  ...each('timeout http-keep-alive | timeout http-request | timeout tarpit', idle(HTTP)),
  ...each(
    'option httpchk | http-check send | http-check expect',
    to('listen.<name>.role', 'this check asks nothing of Patroni'),
  ),

  ...each(
    'option mysql-check | option ldap-check | option redis-check | option smtpchk | option spop-check | option ssl-hello-chk',
    gone(CHECKS),
  ),
  'http-check': idle(CHECKS),
  ...each('option pgsql-check | option tcp-check | option external-check | tcp-check | external-check', idle(CHECKS)),
  acl: gone('no rule that was understood uses it'),
  ...each(
    'tcp-request connection | tcp-request session | tcp-request content',
    gone('only a list of addresses that are let in (allow) has a counterpart; session.maxPerAddress limits each'),
  ),
  ...each(
    'tcp-request | tcp-response | filter | declare | use-server | force-persist | ignore-persist | persist | source | transparent | dispatch',
    gone('has no counterpart'),
  ),
  ...each('stick | stick-table | option persist | cookie | hash-type', gone(STICKY)),
  'rate-limit': gone(RATES),
  ...each('option tcpka | option clitcpka | option srvtcpka | clitcpka-* | srvtcpka-*', idle(KEEPALIVE)),
  ...each(
    'log | log-format | log-format-sd | log-tag | error-log-format | option tcplog | option httplog | option httpslog',
    idle(LOGGED),
  ),
  ...each(
    'option dontlognull | option dontlog-normal | option logasap | option log-separate-errors | option log-health-checks',
    idle(LOGGED),
  ),
  ...each(
    'unique-id-format | unique-id-header | option socket-stats | option contstats',
    idle('every session is counted: /metrics, mekare sessions'),
  ),
  'option redispatch': idle('a failed dial always goes to the next member'),
  ...each(
    'option allbackups | option abortonclose | option independent-streams | option nolinger',
    idle('nothing to do'),
  ),
  ...each(
    'option splice-* | option tcp-smart-accept | option tcp-smart-connect | backlog | fullconn | bind-process',
    idle(TUNING),
  ),
  ...each('option transparent', gone('connections to members come from the address the system chooses')),
  ...each('server-state-file-name | load-server-state-from-file', idle('state is asked anew at every start')),
  ...each(
    'option h1-* | option http-* | option accept-invalid-* | option checkcache | option forwardfor | option originalto',
    idle(HTTP),
  ),
  ...each(
    'option httpclose | option http_proxy | option prefer-last-server | option disable-h2-upgrade | option idle-close-on-response',
    idle(HTTP),
  ),
  ...each(
    'http-request | http-response | http-after-response | http-reuse | http-send-name-header | http-error | max-keep-alive-queue',
    idle(HTTP),
  ),
  ...each(
    'errorfile | errorfiles | errorloc | errorloc302 | errorloc303 | compression | redirect | capture | monitor | monitor-uri | monitor-net | retry-on | use-fcgi-app',
    idle(HTTP),
  ),
  'email-alert': gone(ALERTS),
  ...each('description | id', idle('names are enough')),
  disabled: gone('the section is disabled, so it is left out'),
  enabled: idle('as it is'),
  stats: to('admin.address', 'mekare shows its state on admin.address'),
}

/** Sections of which nothing is read. */
export const SECTIONS: Rules = {
  peers: gone('stick tables have no counterpart'),
  mailers: gone(ALERTS),
  resolvers: idle('members are named and found by Patroni; names are resolved by the system'),
  userlist: gone('admin.address has no passwords: it is open to this host only, unless told otherwise'),
  ...each('cache | http-errors | fcgi-app', idle(HTTP)),
  ...each('ring | log-forward | log-profile | traces', idle(LOGGED)),
  ...each('crt-store | acme', gone(TLS)),
  program: gone('start other programs by units of their own'),
}

/** What is known of a line, by its first two words, its first one, or their beginnings. */
export function ruleOf({ words }: Pick<Line, 'words'>, rules: Rules): Rule | undefined {
  const [first = '', second = '', third = ''] = words
  if (/^(no|default)$/.test(first)) return ruleOf({ words: [second, third] }, rules)
  const names = [`${first} ${second}`, first]
  for (const name of names) {
    if (Object.hasOwn(rules, name)) return rules[name]
    const star = Object.keys(rules).find(rule => rule.endsWith('*') && name.startsWith(rule.slice(0, -1)))
    if (star !== undefined) return rules[star]
  }
  return undefined
}
