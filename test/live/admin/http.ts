// Requests over TCP and over the control socket, and bytes as they are.

import { request } from 'node:http'
import { connect } from 'node:net'

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

export type Where = { readonly port: number } | { readonly socketPath: string }

export function get(where: Where, path: string, method = 'GET', body?: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, path, method, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', part => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Sends bytes as they are and gives all that comes back. */
export function raw(port: number, text: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let got = ''
    socket.on('data', part => {
      got += part
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(got))
  })
}

export async function retry(attempt: () => Promise<boolean>, times = 50): Promise<boolean> {
  for (let i = 0; i < times; i++) {
    if (await attempt()) return true
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return false
}
