// Tries an engine out with one real session over loopback: bytes handed over, bytes both ways, ends both ways, counts, one ending.

import { once } from 'node:events'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine, RelayEnd } from './relay.js'
import { opened, type Stream } from './wire.js'

const PATIENCE = 2000

/** The reason why the engine does not work here, or undefined. */
export async function tryOut(engine: Engine): Promise<string | undefined> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  const opens: Stream[] = []
  const timer = new AbortController()
  const late = sleep(PATIENCE, `a session over loopback was not through within ${PATIENCE} ms`, timer)
  try {
    const failure = play(engine, server, opens).catch((error: Error) => `a session over loopback: ${error.message}`)
    return await Promise.race([failure, late])
  } finally {
    timer.abort()
    late.catch(() => {})
    for (const stream of opens) stream.destroy()
    server.close()
  }
}

async function play(engine: Engine, server: Server, opens: Stream[]): Promise<string | undefined> {
  const [client, session] = await join(server, opens, dialByNode)
  const [link, backend] = await join(server, opens, to => dialByEngine(engine, to))
  const texts = Promise.all([everything(backend), everything(client)])
  texts.catch(() => {})
  let attached: ReturnType<Engine['attach']> | undefined
  const ended = new Promise<RelayEnd>(resolve => {
    const pair = { session, link, toLink: [Buffer.from('start')], toSession: [Buffer.from('hello')] }
    attached = engine.attach(pair, { ended: resolve })
  })
  if (engine.name === 'native' && !(session.destroyed && link.destroyed))
    return 'Node keeps the descriptor of a socket elsewhere than expected'
  client.end(' and go')
  backend.end(' and bye')
  // An engine that fails says more than the sockets it leaves behind.
  const end = await ended
  if (end.error !== undefined) return end.error
  const { fromSession, fromLink } = attached?.counts() ?? {}
  const found = [...(await texts), fromSession, fromLink].join(', ')
  return found === 'start and go, hello and bye, 12, 13' ? undefined : `a session over loopback gave: ${found}`
}

interface Place {
  readonly host: string
  readonly port: number
}

async function dialByNode(to: Place): Promise<Socket> {
  const socket = dial({ ...to, allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}

async function dialByEngine({ wires }: Engine, to: Place): Promise<Stream> {
  const wire = wires?.connect(to)
  if (!wire) return dialByNode(to)
  await opened(wire)
  return wire.stream()
}

async function join<S extends Stream>(
  server: Server,
  opens: Stream[],
  open: (to: Place) => Promise<S>,
): Promise<[S, Socket]> {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const accepted = once(server, 'connection').then(([far]) => {
    opens.push(far as Socket)
    return far as Socket
  })
  const near = await open({ port, host: '127.0.0.1' })
  opens.push(near)
  return [near, await accepted]
}

async function everything(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
