// A pane of the window, its own process inside the stand's network: takes listening sockets that were made outside of it, and passes
// what connects there on to an address inside. Knows nothing of what is said.

import { connect, type Server, type Socket } from 'node:net'

process.on('message', ({ host, port }: { readonly host: string; readonly port: number }, server: Server) => {
  server.on('connection', (outside: Socket) => {
    const inside = connect({ host, port, noDelay: true, allowHalfOpen: true })
    for (const [from, to] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      from.pipe(to)
      from.on('error', () => to.resetAndDestroy())
      from.on('close', () => to.destroySoon())
    }
  })
})
process.on('disconnect', () => process.exit(0))
