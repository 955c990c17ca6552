// One connection with one etcd endpoint: its client, the login, and the options every call needs. Knows no keys, retries
// nothing: the first failure is the caller's to judge.

import { Etcd3 } from 'etcd3'
import type { EtcdConfig } from '../config/shape.js'
import { type CallOptions, carrying, clientOptions } from './client.js'

export interface Connection {
  readonly client: Etcd3
  /** Options for one call that may take `deadline` ms, or for a stream where that is left out. Logs in before the first. */
  options(deadline?: number): Promise<CallOptions>
  close(): void
}

/** How long the login before a stream may take, in ms. */
const LOGIN = 1000

/** Opens it; nothing is sent before the first call. Throws when a TLS file cannot be read. */
export function openConnection(host: string, config: EtcdConfig): Connection {
  const client = new Etcd3(clientOptions(host, config))
  let token: Promise<string | undefined> | undefined

  function login(deadline: number): Promise<string | undefined> {
    const { username, password } = config
    token ??= username
      ? client.auth
          .authenticate({ name: username, password: password ?? '' }, { deadline: Date.now() + deadline })
          .then(answer => answer.token)
      : Promise.resolve(undefined)
    return token
  }

  return {
    client,
    async options(deadline) {
      const held = await login(deadline ?? LOGIN)
      return {
        ...(deadline !== undefined && { deadline: Date.now() + deadline }),
        ...(held !== undefined && { interceptors: [carrying(held)] }),
      }
    },
    close: () => client.close(),
  }
}
