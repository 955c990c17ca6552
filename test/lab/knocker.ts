// A client that knocks: a fresh connection every 5 ms, since one connect's own retransmission would take a second. Who takes them is
// seen on the wire.

import { connect } from 'node:net'

const [host = '', port = ''] = process.argv.slice(2)
const EVERY_MS = 5
const PATIENCE_MS = 1000

function knock(): void {
  const socket = connect({ host, port: Number(port) })
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  socket.on('connect', () => socket.destroy())
  socket.on('error', () => socket.destroy())
}

setInterval(knock, EVERY_MS)
