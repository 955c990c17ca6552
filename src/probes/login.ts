// Logs in to PostgreSQL over a connection that is already open, by `pg`: SCRAM-SHA-256, md5, clear text.
// Knows user and password. Sets every option itself: neither PG* variables nor ~/.pgpass are read.

import type { Socket } from 'node:net'
import pg from 'pg'
import type { ProbeConfig } from '../config/shape.js'
import type { Address } from '../topology/topology.js'
import { createFrames } from './frames.js'
import { addressText, verdict } from './unasked.js'

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
    stream: () => asUnconnected(socket, addressText({ host, port })),
  }
  return new pg.Client(settings)
}

function missingPassword(): never {
  const message = 'the server asks for a password and none is given; set probe.passwordFile'
  throw Object.assign(new Error(message), { code: '28P01' })
}

/**
 * Makes an open socket pass for one that `pg` may connect, and lets only well-formed messages through to its parser:
 * garbage from whatever listens there must end this one connection and nothing else.
 */
function asUnconnected<S extends Socket>(socket: S, where: string): S {
  const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean
  const frames = createFrames()
  const refuse = (what: string): boolean => {
    socket.destroy(verdict('unclear', `${where}: ${what}; is it PostgreSQL?`))
    return true
  }
  const read = (chunk: Uint8Array): boolean => {
    const whole = frames(chunk)
    if (typeof whole === 'string') return refuse(whole)
    return whole.length === 0 || emit('data', whole)
  }
  return Object.assign(socket, {
    connect() {
      process.nextTick(() => socket.emit('connect'))
      return socket
    },
    emit(event: string, ...args: unknown[]) {
      try {
        return event === 'data' ? read(args[0] as Uint8Array) : emit(event, ...args)
      } catch (error) {
        // Thrown from a socket's event it would end the process.
        return refuse(String(error))
      }
    },
  })
}
