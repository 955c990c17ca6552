// Turns what gRPC, TLS and etcd say into one clear line with the remedy. Never carries a password.

import type { EtcdConfig } from '../config/shape.js'
import { isTls } from './client.js'

/** Whom an error came from, and what was wanted of it. */
export interface Asked {
  readonly host: string
  readonly config: EtcdConfig
  /** What the user's role must be able to do, after "a role that": `reads namespace and scope`. */
  readonly rights: string
}

interface Known {
  readonly username: string
  readonly tls: boolean
  readonly rights: string
}

type Line = string | ((known: Known) => string)

const CLEAR: readonly (readonly [RegExp, Line])[] = [
  [
    /authentication failed, invalid user/i,
    ({ username }) => `wrong user name or password for user "${username}"; correct etcd.username and etcd.passwordFile`,
  ],
  [
    /authentication is not enabled/i,
    'it has no authentication enabled; remove etcd.username, or `etcdctl auth enable`',
  ],
  [/user name is empty|user name not found/i, 'it wants a user name; set etcd.username and etcd.passwordFile'],
  [/permission denied/i, ({ username, rights }) => `user "${username}" lacks a right; grant it a role that ${rights}`],
  [
    /wrong version number|packet length too long|record layer failure/i,
    'TLS to a server that speaks none; write http://…',
  ],
  [
    /unable to verify|self.signed certificate|issuer certificate/i,
    'its certificate is not signed by the given authority; correct etcd.ca',
  ],
  [/certificate has expired/i, 'its certificate has expired; renew it on the server'],
  [/altnames|does not match/i, 'its certificate is for another name; write the host as the certificate names it'],
  [
    /bad certificate|certificate required|handshake failure|tlsv1[23]? alert/i,
    'it refused our client certificate; correct etcd.cert and etcd.key',
  ],
  [/ECONNREFUSED/, 'nothing listens there (ECONNREFUSED); start etcd or correct etcd.hosts'],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/i, 'its name is not found; correct etcd.hosts'],
  [/EHOSTUNREACH|ENETUNREACH/, 'no route to it; check the network and etcd.hosts'],
  [/deadline|timed? ?out/i, 'no answer in time: it is frozen, cut off, or without a leader'],
  [/no leader/i, 'it has no leader: most etcd members are down'],
  [
    /ECONNRESET|EPIPE|socket hang up|Connection dropped|GOAWAY|Protocol error|Failed to connect|before secure TLS/i,
    ({ tls }) =>
      tls
        ? 'it closes the connection: it stops, or it got TLS and speaks none; if so, write http://…'
        : 'it closes the connection: it stops, or it wants TLS; if so, write https://…',
  ],
]

/** One line for an error of an endpoint: what, and what to do about it. */
export function clearly(error: unknown, { host, config, rights }: Asked): string {
  const said = error instanceof Error ? error.message : String(error)
  const known = CLEAR.find(([pattern]) => pattern.test(said))?.[1]
  if (known === undefined) return said.replace(/\s+/g, ' ').slice(0, 200)
  if (typeof known === 'string') return known
  return known({ username: config.username ?? '', tls: isTls(host, config), rights })
}
