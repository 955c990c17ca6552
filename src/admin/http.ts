// The HTTP server behind the admin address and the control socket: limits, deadlines, and a table of routes.
// Request bodies are never read; none of the paths takes one.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Bind, Want } from '../listening/listening.js'
import { SIDECAR_PATH, SIDECAR_PROTOCOL } from '../vrrp/conversation.js'
import type { AdminDeps, Started } from './deps.js'
import type { EventFeed } from './feed.js'
import type { Answer, Routes } from './routes.js'
import { createStreams, MOST_STREAMS, STREAM_HEADERS, type Streams } from './streams.js'

const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5000,
  requestTimeout: 5000,
  keepAliveTimeout: 5000,
  /** How often Node.js looks for requests past their deadline; its own default of 30 s would make 5 s a wish. */
  connectionsCheckingInterval: 1000,
}
/** Room for every event stream and some requests beside them. */
const MOST_CONNECTIONS = 256
const LONGEST_PATH = 2048
const METHODS: readonly string[] = ['GET', 'HEAD', 'POST']

/** A server that does not listen yet, and those on it who read events. */
export interface AdminHttp {
  readonly server: Server
  readonly streams: Streams
}

type HttpDeps = Pick<AdminDeps, 'status' | 'incidents' | 'sidecar'>

/** Serves the routes; `feed` is what a route that answers `stream` sends, `sidecar` takes over the connection of one, if any may come. */
export function createAdminHttp(routes: Routes, feed: EventFeed, { sidecar, ...deps }: HttpDeps): AdminHttp {
  const streams = createStreams(feed, deps)
  const server = createServer(LIMITS, (request, response) => {
    serve(routes, streams, request, response).catch(error => respond(response, failure(error)))
  })
  server.maxConnections = MOST_CONNECTIONS
  if (sidecar)
    server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      if (request.url === SIDECAR_PATH && request.headers.upgrade === SIDECAR_PROTOCOL) welcome(socket, sidecar)
      // The server has let go of it: a peer that never closes would keep the process.
      else socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n', () => socket.destroy())
    })
  return { server, streams }
}

/** Makes it listen. */
export async function startHttp({ server, streams }: AdminHttp, want: Want, bind: Bind): Promise<Started> {
  const bound = await bind(server, want)
  if (!bound.ok) {
    streams.stop()
    return bound
  }
  const { listening } = bound
  return {
    ok: true,
    server: {
      listening,
      close() {
        streams.stop()
        listening.close()
      },
      stop() {
        streams.stop()
        if (!server.listening) {
          server.closeAllConnections()
          return Promise.resolve()
        }
        const closed = new Promise<void>(resolve => server.once('close', resolve))
        listening.close()
        server.closeAllConnections()
        return closed
      },
    },
  }
}

function welcome(socket: Duplex, sidecar: (socket: Duplex) => void): void {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${SIDECAR_PROTOCOL}\r\n\r\n`)
  sidecar(socket)
}

async function serve(routes: Routes, streams: Streams, request: IncomingMessage, response: ServerResponse) {
  const wrong = refuse(routes, request)
  if (wrong !== undefined) return respond(response, wrong)
  const url = urlOf(request)
  const { method = '', headers } = request
  const route = routes[`${method === 'HEAD' ? 'GET' : method} ${url?.pathname}`]
  const query = url?.searchParams ?? new URLSearchParams()
  const answer = await route?.(query, headers)
  if (answer === undefined) return respond(response, plain(404, 'no such path'))
  if (answer !== 'stream') return respond(response, answer)
  if (method === 'HEAD') response.writeHead(200, STREAM_HEADERS).end()
  else if (!streams.open(response, query.has('status'))) respond(response, TOO_MANY)
}

const TOO_MANY = plain(
  503,
  `${MOST_STREAMS} event streams are open, and no more are served at one time; close one, or read /status instead`,
)

/** What is wrong with a request before any route is asked, if anything. */
function refuse(routes: Routes, request: IncomingMessage): (Answer & { allow?: string }) | undefined {
  const { method = '', headers } = request
  if ((request.url ?? '').length > LONGEST_PATH) return plain(414, `the path is longer than ${LONGEST_PATH} bytes`)
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    return plain(413, 'send no body: no path takes one')
  }
  const path = urlOf(request)?.pathname
  if (path === undefined) return plain(400, 'the path cannot be read')
  // A HEAD is answered as the GET would be, without the body (RFC 9110, section 9.3.2).
  const allowed = METHODS.filter(m => Object.hasOwn(routes, `${m === 'HEAD' ? 'GET' : m} ${path}`))
  if (allowed.includes(method)) return undefined
  if (allowed.length > 0)
    return { ...plain(405, `${path} takes ${allowed.join(', ')} only`), allow: allowed.join(', ') }
  const known = Object.keys(routes).map(route => route.slice(route.indexOf(' ') + 1))
  return plain(404, `no such path; there are: ${known.join(' ')}`)
}

/** The request's path and query; undefined when it is no path (`GET *`, `GET //x:y:z`). */
function urlOf(request: IncomingMessage): URL | undefined {
  const path = request.url ?? ''
  return path.startsWith('/') && URL.canParse(`http://mekare${path}`) ? new URL(`http://mekare${path}`) : undefined
}

function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` }
}

function failure(error: unknown): Answer {
  return plain(
    500,
    `this is a bug of mekare, please report it: ${error instanceof Error ? error.message : String(error)}`,
  )
}

function respond(response: ServerResponse, answer: Answer & { allow?: string }): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(answer.status, {
    'content-type': answer.type,
    ...(answer.status === 304 ? {} : { 'content-length': Buffer.byteLength(answer.body) }),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'",
    ...answer.headers,
    ...(answer.allow === undefined ? {} : { allow: answer.allow }),
    // A body that came all the same is not read; so this connection cannot be used again.
    ...(answer.status >= 400 ? { connection: 'close' } : {}),
  })
  response.end(answer.body)
}
