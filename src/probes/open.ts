// Opens a connection to a member: TCP, then the question for TLS (SSLRequest) and the handshake when it is wanted.
// Knows the first byte of the answer. Knows no user, password or query.
// PostgreSQL manual, "Message Flow", sections SSL Session Encryption and GSSAPI Session Encryption.

import { readFileSync } from 'node:fs'
import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import type { ProbeConfig } from '../config/shape.js'
import type { Address } from '../topology/topology.js'
import { addressText, unaskedFrom, verdict } from './unasked.js'

/** Gets each socket as soon as it exists, so that whoever owns the deadline can destroy it. */
export type Hold = (socket: Socket) => void

const request = (code: number): Uint8Array => Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, code)
export const SSL_REQUEST = request(0x2f)
export const GSSENC_REQUEST = request(0x30)

/** The time a silent connection waits for the first keepalive packet. */
const KEEPALIVE_MS = 5000

/** A TCP connection. Rejects with the socket's error, also when the socket is destroyed meanwhile. */
export function openTcp(address: Address, hold: Hold): Promise<Socket> {
  const socket = connect({ ...address, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS })
  hold(socket)
  return settle(socket, 'connect', () => socket)
}

/** A connection with TLS as sslmode wants it. With `prefer` a server without TLS gets the connection in plain. */
export async function openTls(address: Address, config: ProbeConfig, hold: Hold): Promise<Socket> {
  const where = addressText(address)
  const options = tlsOptions(address, config, where)
  const socket = await openTcp(address, hold)
  const reply = await firstBytes(socket, SSL_REQUEST)
  if (reply === 'S') return handshake(socket, options, where, hold)
  if (reply === 'N' && config.sslmode === 'prefer') return socket
  socket.destroy()
  if (reply === 'N') {
    throw verdict('tls', `${where} has TLS switched off; set ssl = on there, or probe.sslmode to prefer or disable`)
  }
  throw verdict('unclear', `${where} answered SSLRequest with something else than S or N; is it PostgreSQL?`)
}

/** Sends it and gives what comes back first. */
export function firstBytes(socket: Socket, message: Uint8Array): Promise<string> {
  socket.write(message)
  return settle(socket, 'data', chunk => chunk.toString('latin1'))
}

/** A longer reply than the one byte never gets here: bytes before the handshake may be forged (CVE-2021-23222). */
async function handshake(raw: Socket, options: ConnectionOptions, where: string, hold: Hold): Promise<TLSSocket> {
  const socket = connectTls({ ...options, socket: raw })
  hold(socket)
  try {
    return await settle(socket, 'secureConnect', () => socket)
  } catch (error) {
    socket.destroy()
    raw.destroy()
    const known = unaskedFrom(error, where)
    if (known.reason !== 'unclear') throw error
    throw verdict('tls', `${where}: ${(error as Error).message}; check probe.sslmode and probe.ca`)
  }
}

/** As libpq: `require` with a CA checks the chain too; only verify-full compares the name. */
function tlsOptions({ host }: Address, { sslmode, ca }: ProbeConfig, where: string): ConnectionOptions {
  const verifies = sslmode.startsWith('verify') || (sslmode === 'require' && ca !== undefined)
  return {
    host,
    rejectUnauthorized: verifies,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(verifies && ca !== undefined ? { ca: readPem(ca, where) } : {}),
    ...(sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  }
}

/** A PEM text as it is, or the file of that name, read anew for each connection so that a renewed one counts. */
export function readPem(pemOrPath: string, where: string): string {
  if (pemOrPath.includes('-----BEGIN')) return pemOrPath
  try {
    return readFileSync(pemOrPath, 'utf8')
  } catch (error) {
    throw verdict('tls', `${where}: cannot read ${pemOrPath} (${(error as Error).message})`)
  }
}

/** One event of a socket as a promise; its error, or its end before that event, rejects. */
function settle<T>(socket: Socket, event: string, result: (payload: Buffer) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const came = (payload: Buffer): void => done(() => resolve(result(payload)))
    const failed = (error: Error): void => done(() => reject(error))
    const closed = (): void => done(() => reject(new Error('Connection terminated')))
    const done = (act: () => void): void => {
      socket.off(event, came).off('error', failed).off('close', closed)
      // An error that nobody waits for any more must not end the process.
      socket.on('error', () => {})
      act()
    }
    socket.on(event, came).on('error', failed).on('close', closed)
  })
}
