// The stand's hands in the client's network: runs there as its own process, takes one JSON request a line, does it
// (an HTTP request or one SQL statement on a fresh connection) and answers in one line. Knows nothing of the stand.

import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createInterface } from 'node:readline'
import pg from 'pg'
import type { HttpAnswer, HttpAsk, SqlAsk } from './ask.js'

function http(ask: HttpAsk): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const send = ask.url.startsWith('https:') ? httpsRequest : httpRequest
    const ca = ask.ca === undefined ? {} : { ca: readFileSync(ask.ca) }
    const options = { method: ask.method ?? 'GET', headers: ask.headers ?? {}, agent: false, ...ca }
    const request = send(ask.url, options, response => {
      const parts: Buffer[] = []
      response.on('data', part => parts.push(part))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }))
    })
    // A timer of our own: the request's timeout begins only once it is connected.
    const late = setTimeout(() => request.destroy(new Error(`${ask.url}: no answer in time`)), ask.timeoutMs ?? 3000)
    request.on('close', () => clearTimeout(late))
    request.on('error', reject)
    request.end(ask.body)
  })
}

async function sql(ask: SqlAsk): Promise<unknown> {
  const timeout = ask.timeoutMs ?? 5000
  const client = new pg.Client({ ...ask.to, connectionTimeoutMillis: timeout, query_timeout: timeout })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query(ask.text, ask.values ? [...ask.values] : undefined)).rows
  } finally {
    // Not awaited: behind a cut link the farewell is never answered.
    void client.end().catch(() => undefined)
  }
}

async function answer(line: string): Promise<void> {
  const { id, ask } = JSON.parse(line) as { id: number; ask: HttpAsk | SqlAsk }
  try {
    const value = ask.kind === 'http' ? await http(ask) : await sql(ask)
    process.stdout.write(`${JSON.stringify({ id, value: value ?? null })}\n`)
  } catch (error) {
    const { message, code } = error as { message: string; code?: string }
    process.stdout.write(`${JSON.stringify({ id, error: message || code || 'failed', code })}\n`)
  }
}

createInterface({ input: process.stdin })
  .on('line', line => void answer(line))
  .on('close', () => process.exit(0))
