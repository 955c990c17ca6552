// The stand's side of its hands: requests that are carried out in the client's network.

import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface HttpAsk {
  readonly kind: 'http'
  readonly url: string
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Path of a CA certificate, for https. */
  readonly ca?: string
  readonly timeoutMs?: number
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

export interface SqlAsk {
  readonly kind: 'sql'
  readonly to: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
    readonly database: string
    readonly ssl?: { readonly rejectUnauthorized: boolean }
  }
  readonly text: string
  readonly values?: readonly unknown[]
  readonly timeoutMs?: number
}

export type Row = Record<string, unknown>

export interface Hands {
  http(ask: Omit<HttpAsk, 'kind'>): Promise<HttpAnswer>
  sql(ask: Omit<SqlAsk, 'kind'>): Promise<readonly Row[]>
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** Speaks to a started `hands` process. Requests fail with the other end's text; SQL errors carry `code`, the SQLSTATE. */
export function createHands(child: ChildProcess): Hands {
  const waiting = new Map<number, Waiting>()
  let last = 0
  const { stdin, stdout } = child
  if (!stdin || !stdout) throw new Error('the hands need pipes for stdin and stdout')
  stdin.on('error', () => undefined)
  createInterface({ input: stdout }).on('line', line => settle(waiting, line))
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the stand is down: its client process has ended'))
    waiting.clear()
  })
  const ask = (what: HttpAsk | SqlAsk) =>
    new Promise<unknown>((resolve, reject) => {
      if (child.exitCode !== null || child.signalCode !== null) return reject(new Error('the stand is down'))
      waiting.set(++last, { resolve, reject })
      stdin.write(`${JSON.stringify({ id: last, ask: what })}\n`)
    })
  return {
    http: async what => (await ask({ kind: 'http', ...what })) as HttpAnswer,
    sql: async what => (await ask({ kind: 'sql', ...what })) as Row[],
  }
}

function settle(waiting: Map<number, Waiting>, line: string): void {
  const { id, value, error, code } = JSON.parse(line) as { id: number; value?: unknown; error?: string; code?: string }
  const who = waiting.get(id)
  waiting.delete(id)
  if (error === undefined) who?.resolve(value)
  else who?.reject(Object.assign(new Error(error), { code }))
}
