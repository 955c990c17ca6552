// Asks Patroni's REST API for JSON, each request with its own deadline. Knows no meaning of any answer.

import http from 'node:http'
import https from 'node:https'
import type { PatroniConfig } from '../../config/shape.js'
import { readTls } from '../../config/tls.js'

export interface Asker {
  /** GET `base + path`. Resolves to the parsed body; rejects with one clear line when there is none within `deadline` ms. */
  get(base: string, path: string, deadline: number): Promise<unknown>
  /** POST with a JSON body, over a connection of its own. Never rejects. */
  post(base: string, path: string, body: object, deadline: number): Promise<Asked>
  close(): void
}

/** `unheard`: nobody was there to hear it. `lost`: it may have been heard. */
export type Asked =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'unheard' | 'lost'; readonly why: string }

interface Sent {
  readonly base: string
  readonly path: string
  readonly deadline: number
  readonly body?: string
}

interface Received {
  readonly status: number
  readonly text: string
}

/** An answer is at most some kB per member; more is not Patroni. */
const LIMIT = 1024 * 1024

/** Keeps connections open between requests. A TLS file that cannot be read fails the requests that need it. */
export function createAsker(config: PatroniConfig): Asker {
  const keep = { keepAlive: true, maxSockets: 4 }
  const plain = new http.Agent(keep)
  let secure: https.Agent | undefined
  const credentials = config.username && Buffer.from(`${config.username}:${config.password ?? ''}`).toString('base64')
  const headers = credentials ? { authorization: `Basic ${credentials}` } : {}

  const send = ({ base, path, deadline, body }: Sent) =>
    new Promise<Received>((resolve, reject) => {
      const tls = /^https:/i.test(base)
      if (tls) secure ??= new https.Agent({ ...keep, ...readTls(config) })
      const agent = tls ? secure : plain
      const method = body === undefined ? 'GET' : 'POST'
      const request = (tls ? https : http).request(base + path, { agent, method, headers })
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${deadline}ms`)), deadline)
      const fail = (error: Error) => reject(new Error(clearly(error), { cause: error }))
      request.on('close', () => clearTimeout(timer))
      request.on('error', fail)
      request.on('response', response => {
        response.on('error', fail)
        collect(response)
          .then(text => resolve({ status: response.statusCode ?? 0, text }))
          .catch(fail)
      })
      request.end(body)
    })
  return {
    async get(base, path, deadline) {
      const { status, text } = await send({ base, path, deadline })
      return parse(text, status)
    },
    async post(base, path, body, deadline) {
      try {
        const { status, text } = await send({ base, path, deadline, body: JSON.stringify(body) })
        return { kind: 'answer', status, text: text.replace(/\s+/g, ' ').trim().slice(0, 300) }
      } catch (error) {
        const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException }
        return { kind: UNHEARD.has(cause?.code ?? '') ? 'unheard' : 'lost', why: message }
      }
    },
    close: () => {
      plain.destroy()
      secure?.destroy()
    },
  }
}

/** Errors of a connection that never came about. */
const UNHEARD: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPROTO',
])

async function collect(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > LIMIT) throw new Error(`the answer is over ${LIMIT} bytes; is this Patroni's REST address?`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

// Patroni sends its JSON also with 503, when the member is not in the role asked for.
function parse(text: string, status: number): unknown {
  if (status === 401 || status === 403) {
    throw new Error(`HTTP ${status}: correct patroni.username and patroni.passwordFile`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`HTTP ${status} without JSON; is this Patroni's REST address?`)
  }
}

function clearly(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name is not found; correct patroni.urls'
  if (code === 'EPROTO') return 'TLS to a server that speaks none; write the address as http://…'
  if (code === 'ECONNRESET') return 'it closes the connection; does it want TLS (https://…)?'
  if (code !== undefined && /CERT|VERIFY|SIGNED|ALTNAME/.test(code))
    return `its certificate is refused (${code}); correct patroni.ca`
  return error.message.replace(/\s+/g, ' ').slice(0, 200)
}
