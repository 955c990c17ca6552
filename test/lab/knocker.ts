// A client that knocks: a fresh connection every 5 ms, since one connect's own retransmission would take a second. Writes a line
// for each that is taken: when it was begun and when it was taken, in milliseconds of the system's monotonic clock.

import { connect } from 'node:net'

const [host = '', port = ''] = process.argv.slice(2)
const EVERY_MS = 5
const PATIENCE_MS = 1000

const clock = () => Number(process.hrtime.bigint() / 1000n) / 1000

function knock(): void {
  const begun = clock()
  const socket = connect({ host, port: Number(port) })
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  socket.on('connect', () => {
    process.stdout.write(`${begun} ${clock()}\n`)
    socket.destroy()
  })
  socket.on('error', () => socket.destroy())
}

setInterval(knock, EVERY_MS)
