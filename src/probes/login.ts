// Logs in to PostgreSQL over a connection that is already open, by `pg`: SCRAM-SHA-256, md5, clear text.
// Knows user and password. Sets every option itself: neither PG* variables nor ~/.pgpass are read.

import type { Socket } from 'node:net'
import pg from 'pg'
import type { ProbeConfig } from '../config/shape.js'
import type { Address } from '../topology/topology.js'

export type Login = Omit<ProbeConfig, 'user'> & { readonly user: string }

/** A client that waits for connect(). It owns the socket from then on: when the socket closes, the client ends. */
export function clientOver(socket: Socket, { host, port }: Address, config: Login): pg.Client {
  if (socket.destroyed) throw new Error('Connection terminated')
  const settings: pg.ClientConfig & { sslnegotiation: string; replication: string } = {
    host,
    port,
    user: config.user,
    database: config.database,
    password: () => config.password ?? missingPassword(),
    application_name: 'mekare probe',
    statement_timeout: Math.max(1, Math.ceil(config.timeout)),
    // Not empty, or `pg` would take the environment's: nothing outside pg_catalog can stand in for what is asked.
    options: '-c search_path=pg_catalog',
    client_encoding: 'UTF8',
    replication: 'false',
    // The connection is encrypted already where that is wanted.
    ssl: false,
    sslnegotiation: 'postgres',
    stream: () => asUnconnected(socket),
  }
  return new pg.Client(settings)
}

function missingPassword(): never {
  const message = 'the server asks for a password and none is given; set probe.passwordFile'
  throw Object.assign(new Error(message), { code: '28P01' })
}

/**
 * Makes an open socket pass for one that `pg` may connect, and turns what its parser throws (garbage from whatever listens
 * there) into an error of this one connection: thrown from a socket's event it would end the process.
 */
function asUnconnected<S extends Socket>(socket: S): S {
  const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean
  return Object.assign(socket, {
    connect() {
      process.nextTick(() => socket.emit('connect'))
      return socket
    },
    emit(event: string, ...args: unknown[]) {
      try {
        return emit(event, ...args)
      } catch (error) {
        socket.destroy(error as Error)
        return true
      }
    },
  })
}
