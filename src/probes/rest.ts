// Asks Patroni's REST API (GET /patroni) where no credentials for SQL are given, and pings PostgreSQL beside it:
// Patroni may answer while the postmaster is gone, and the other way round.
// Sends no password: GET /patroni needs none.

import { Agent, request } from 'node:http'
import { request as requestTls, Agent as TlsAgent } from 'node:https'
import type { Socket } from 'node:net'
import type { PatroniConfig, ProbeConfig } from '../config/shape.js'
import type { Answer } from '../health/answer.js'
import { answerFromPatroni } from '../health/patroni.js'
import { readPem } from './open.js'
import { POSTGRES, ping } from './ping.js'
import type { Prober, ProberDeps, ProbeTarget } from './prober.js'
import { type Asker, createTurns } from './turns.js'
import { type UnaskedAnswer, unasked, unaskedFrom } from './unasked.js'

/** What of the configuration the REST prober needs: how long to wait, and whom to trust. */
export type RestConfig = Pick<ProbeConfig, 'timeout'> & Pick<PatroniConfig, 'ca' | 'cert' | 'key'>

/** A prober by Patroni's REST API. Both halves of a question run side by side and take `config.timeout` at most. */
export function createRestProber(config: RestConfig, deps: ProberDeps): Prober {
  return createTurns('rest', target => createRestAsker(target, config), deps)
}

/** /patroni of a leader lists its standbys; no honest answer comes near this. */
const LONGEST_BODY = 1 << 20

function createRestAsker(target: ProbeTarget, config: RestConfig): Asker {
  const sockets = new Set<Socket>()
  const hold = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  let agent: Agent | undefined

  const askPatroni = async (url: URL): Promise<Answer> => {
    agent ??= agentFor(url, config)
    const { status, body } = await get(url, agent, config.timeout)
    return answerFromPatroni(status, parse(body))
  }

  return {
    async ask() {
      const [postgres, patroni] = await Promise.all([
        ping(target.address, POSTGRES, config.timeout, hold),
        patroniUrl(target.apiUrl)
          .then(askPatroni)
          .catch((error: unknown) => silentPatroni(error, target.apiUrl)),
      ])
      return postgres ?? patroni
    },
    async close() {
      agent?.destroy()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** PostgreSQL answers the ping but Patroni says nothing: the member lives, and what it is cannot be told. */
function silentPatroni(error: unknown, apiUrl: string | undefined): UnaskedAnswer {
  const { why } = unaskedFrom(error, apiUrl ?? 'Patroni')
  return unasked(
    'unclear',
    `PostgreSQL answers, but its Patroni does not: ${why}; with probe.user PostgreSQL is asked itself`,
  )
}

async function patroniUrl(apiUrl: string | undefined): Promise<URL> {
  if (apiUrl === undefined) throw new Error('no api_url is published for it')
  return new URL('/patroni', apiUrl)
}

function agentFor(url: URL, { ca, cert, key }: RestConfig): Agent {
  const kept = { keepAlive: true, maxSockets: 1 }
  if (url.protocol !== 'https:') return new Agent(kept)
  return new TlsAgent({
    ...kept,
    ...(ca === undefined ? {} : { ca: readPem(ca, url.host) }),
    ...(cert === undefined ? {} : { cert: readPem(cert, url.host) }),
    ...(key === undefined ? {} : { key: readPem(key, url.host) }),
  })
}

function get(url: URL, agent: Agent, timeout: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const ask = url.protocol === 'https:' ? requestTls : request
    const question = ask(url, { agent, headers: { accept: 'application/json' } })
    const deadline = setTimeout(
      () => question.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
      timeout,
    )
    question.on('close', () => clearTimeout(deadline))
    question.on('error', error => {
      // A kept connection that Patroni had closed meanwhile says nothing of Patroni: ask over a new one.
      if (question.reusedSocket && 'code' in error && error.code === 'ECONNRESET') {
        resolve(get(url, agent, timeout))
      } else reject(error)
    })
    question.on('response', response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
        if (body.length > LONGEST_BODY) question.destroy(new Error('the answer to GET /patroni is over 1 MiB'))
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    question.end()
  })
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
