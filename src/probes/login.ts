// Logs in to PostgreSQL over a connection that is already open, by `pg`: SCRAM-SHA-256, md5, clear text. The question is put past it.
// Knows user and password. Sets every option itself: neither PG* variables nor ~/.pgpass are read.

import type { Socket } from 'node:net'
import pg from 'pg'
import type { ProbeConfig } from '../config/shape.js'
import type { Address } from '../topology/topology.js'
import { ASK, createHearing, type Row } from './exchange.js'
import { createFrames } from './frames.js'
import { addressText, verdict } from './unasked.js'

export type Login = Omit<ProbeConfig, 'user'> & { readonly user: string }

const NOTHING = Buffer.alloc(0)

export interface Line {
  /** It waits for connect(), and hears what the server says unasked. It owns the socket: when that closes, the client ends. */
  readonly client: pg.Client
  /** Puts the question, once it is connected; one at a time. */
  ask(): Promise<Row | undefined>
}

/** A line over an open connection. */
export function lineOver(socket: Socket, { host, port }: Address, config: Login): Line {
  if (socket.destroyed) throw new Error('Connection terminated')
  const exchange = createExchange(socket)
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
    stream: () => asUnconnected(socket, addressText({ host, port }), exchange.hear),
  }
  return { client: new pg.Client(settings), ask: exchange.ask }
}

/** Asks over the socket, and hears only while it has asked. */
function createExchange(socket: Socket) {
  type Waiting = {
    hearing: ReturnType<typeof createHearing>
    resolve(row: Row | undefined): void
    reject(error: Error): void
  }
  let waiting: Waiting | undefined
  const fail = (error: Error): void => {
    waiting?.reject(error)
    waiting = undefined
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('Connection terminated')))
  return {
    ask: () =>
      new Promise<Row | undefined>((resolve, reject) => {
        if (socket.destroyed) throw new Error('Connection terminated')
        waiting = { hearing: createHearing(), resolve, reject }
        socket.write(ASK)
      }),
    /** Takes what belongs to the answer that is waited for, and gives the rest. */
    hear(messages: Buffer): Buffer {
      if (!waiting) return messages
      const { hearing, resolve, reject } = waiting
      const heard = hearing(messages)
      if (!heard) return NOTHING
      waiting = undefined
      if ('error' in heard.reply) reject(heard.reply.error)
      else resolve(heard.reply.row)
      return messages.subarray(heard.length)
    },
  }
}

function missingPassword(): never {
  const message = 'the server asks for a password and none is given; set probe.passwordFile'
  throw Object.assign(new Error(message), { code: '28P01' })
}

/**
 * Makes an open socket pass for one that `pg` may connect, and lets only well-formed messages that nobody else wants through to its parser:
 * garbage from whatever listens there must end this one connection and nothing else.
 */
function asUnconnected<S extends Socket>(socket: S, where: string, hear: (messages: Buffer) => Buffer): S {
  const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean
  const frames = createFrames()
  const refuse = (what: string): boolean => {
    socket.destroy(verdict('unclear', `${where}: ${what}; is it PostgreSQL?`))
    return true
  }
  const read = (chunk: Buffer): boolean => {
    const whole = frames(chunk)
    if (typeof whole === 'string') return refuse(whole)
    const unasked = hear(whole)
    return unasked.length === 0 || emit('data', unasked)
  }
  return Object.assign(socket, {
    connect() {
      process.nextTick(() => socket.emit('connect'))
      return socket
    },
    emit(event: string, ...args: unknown[]) {
      try {
        return event === 'data' ? read(args[0] as Buffer) : emit(event, ...args)
      } catch (error) {
        // Thrown from a socket's event it would end the process.
        return refuse(String(error))
      }
    },
  })
}
