// Asks the control socket: one HTTP request over a Unix socket. Knows why it may fail and what to do about it.

import { request } from 'node:http'

export type Reply =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'unavailable'; readonly why: string }

const WITHIN_MS = 5000

/** Sends it and waits `within` milliseconds at most. */
export function ask(socket: string, method: 'GET' | 'POST', path: string, within = WITHIN_MS): Promise<Reply> {
  return new Promise(resolve => {
    const sent = request({ socketPath: socket, method, path, timeout: within, agent: false }, response => {
      const parts: Buffer[] = []
      response.on('data', part => parts.push(part))
      response.on('end', () =>
        resolve({ kind: 'answer', status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }),
      )
      response.on('error', error => resolve(unavailable(socket, error, within)))
    })
    sent.on('timeout', () => sent.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })))
    sent.on('error', error => resolve(unavailable(socket, error, within)))
    sent.end()
  })
}

function unavailable(socket: string, error: NodeJS.ErrnoException, within: number): Reply {
  return { kind: 'unavailable', why: `${socket}: ${remedy(error, within)}` }
}

function remedy(error: NodeJS.ErrnoException, within: number): string {
  switch (error.code) {
    case 'ENOENT':
      return 'no such socket (ENOENT); start the router with mekare run, or name its socket with --socket'
    case 'ECONNREFUSED':
      return 'nobody listens (ECONNREFUSED): it is no control socket, or the router that made it is gone; start that with mekare run, or name another with --socket'
    case 'EACCES':
    case 'EPERM':
      return `no permission (${error.code}); run this as the user mekare runs as, or as root`
    case 'ENOTSOCK':
      return 'not a socket (ENOTSOCK); name the control socket with --socket'
    case 'ETIMEDOUT':
      return `no answer within ${within / 1000}s; the router hangs or is stopped (SIGSTOP)`
    default:
      return `${error.message}; is it the control socket of a router?`
  }
}
