// How npm etcd3 is set up so that it fails fast, shares nothing and retries nothing. Knows TLS and tokens, no keys.

import { noop } from 'cockatiel'
import type { IOptions } from 'etcd3'
import type { EtcdConfig } from '../config/shape.js'
import { readTls } from '../config/tls.js'

export type CallOptions = Exclude<NonNullable<IOptions['defaultCallOptions']>, (...args: never) => unknown>
type Interceptor = NonNullable<CallOptions['interceptors']>[number]

/** `https://` asks for TLS; a host without scheme uses TLS when TLS files are given. */
export function isTls(host: string, config: EtcdConfig): boolean {
  return /^https:/i.test(host) || (!/^http:/i.test(host) && Boolean(config.ca || config.cert))
}

/** Options for a client of this one endpoint that retries nothing. Throws when a TLS file cannot be read. */
export function clientOptions(host: string, config: EtcdConfig): IOptions {
  const tls = isTls(host, config)
  const { ca, cert, key } = tls ? readTls(config) : {}
  const target = `${tls ? 'https' : 'http'}://${host.replace(/^https?:\/\//i, '').replace(/\/+$/, '')}`
  return {
    hosts: [target],
    // createSsl takes an absent root as "the system's"; etcd3's type does not say so.
    ...((ca || cert) && {
      credentials: {
        rootCertificate: ca as Buffer,
        ...(key && { privateKey: key }),
        ...(cert && { certChain: cert }),
      },
    }),
    faultHandling: { global: noop, host: () => noop },
    grpcOptions: {
      // A shared subchannel outlives the session, and with it a dead connection.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      // etcd answers pings more frequent than its 5 s minimum with GOAWAY.
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 2_000,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.max_receive_message_length': 64 * 1024 * 1024,
    },
  }
}

/**
 * Sends the token along with one call. etcd3's own authentication opens a channel per login that nobody closes, in the shared
 * pool, and on a refused token it retries without end: so the login goes over the session's channel, and a second try throws.
 */
export function carrying(token: string): Interceptor {
  let used = false
  return (options, nextCall) => {
    if (used) throw new Error('etcd refused the token of this session (restarted or expired)')
    used = true
    const call = nextCall(options)
    const start = call.start.bind(call)
    call.start = (metadata, listener) => {
      metadata.set('token', token)
      start(metadata, listener)
    }
    // grpc-js asks for its own class, and calls nothing but this interface.
    return call as ReturnType<Interceptor>
  }
}
