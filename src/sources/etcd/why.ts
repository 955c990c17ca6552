// Turns what gRPC, TLS and etcd say into one clear line with the remedy. Never carries a password.

const CLEAR: readonly (readonly [RegExp, (username: string) => string])[] = [
  [
    /authentication failed, invalid user/i,
    user => `wrong user name or password for user "${user}"; correct etcd.username and etcd.passwordFile`,
  ],
  [
    /authentication is not enabled/i,
    () => 'this etcd has no authentication enabled; remove etcd.username, or run `etcdctl auth enable`',
  ],
  [
    /user name is empty|user name not found/i,
    () => 'this etcd wants a user name; set etcd.username and etcd.passwordFile',
  ],
  [
    /permission denied/i,
    user => `user "${user}" may not read this prefix; grant it a role that reads namespace and scope`,
  ],
  [
    /wrong version number|packet length too long|record layer failure|ssl3_get_record/i,
    () => 'TLS to a server that speaks none; write the host as http://…',
  ],
  [
    /unable to verify|self.signed certificate|unable to get (local )?issuer/i,
    () => 'its certificate is not signed by the given authority; correct etcd.ca',
  ],
  [/certificate has expired/i, () => 'its certificate has expired; renew it on the server'],
  [/altnames|does not match/i, () => 'its certificate is for another name; write the host as the certificate names it'],
  [
    /bad certificate|certificate required|handshake failure|tlsv1[23]? alert/i,
    () => 'it refused our client certificate; correct etcd.cert and etcd.key',
  ],
  [/ECONNREFUSED/, () => 'nothing listens there (ECONNREFUSED); start etcd or correct etcd.hosts'],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/i, () => 'its name is not found; correct etcd.hosts'],
  [/EHOSTUNREACH|ENETUNREACH/, () => 'no route to it'],
  [/deadline|timed? ?out/i, () => 'no answer in time: it is frozen, cut off, or without a leader'],
  [/no leader/i, () => 'it has no leader: most etcd members are down'],
  [
    /ECONNRESET|socket hang up|Connection dropped|GOAWAY|Protocol error/i,
    () => 'it closes the connection; is it etcd, and does it want TLS (https://…)?',
  ],
]

/** One line for an error of an endpoint: what, and what to do about it. */
export function clearly(error: unknown, username = ''): string {
  const said = error instanceof Error ? error.message : String(error)
  const known = CLEAR.find(([pattern]) => pattern.test(said))
  return known?.[1](username) ?? said.replace(/\s+/g, ' ').slice(0, 200)
}
