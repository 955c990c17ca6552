// `node forward.js ENGINE THREADS SPIN_US PORT TARGET`: accepts, dials, and hands both sockets to an engine; nothing else. What a relay alone costs.
// A line with the counts of memory is printed for each line that comes in.

import { createServer, connect as dial } from 'node:net'
import { createEngine } from '../../src/relay/create.js'
import { ms } from '../../src/units/units.js'

const [engineName = 'auto', threads = '1', spin = '0', port = '0', target = '0'] = process.argv.slice(2)
const asked = engineName === 'net' || engineName === 'native' ? engineName : 'auto'
const config = { engine: asked, threads: Number(threads), spin: ms(Number(spin) / 1000) } as const
const made = await createEngine(config, what => console.error(what))
if (!made.ok) throw new Error(made.why)
const { engine } = made
let live = 0
// Not a closure of each session: it would keep the session's sockets in memory.
const ended = () => {
  live -= 1
}

const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, session => {
  session.on('error', () => {})
  const link = dial({ port: Number(target), host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  link.on('error', () => session.destroy())
  link.once('connect', () => {
    live += 1
    engine.attach({ session, link, toLink: [], toSession: [] }, ended)
  })
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))

process.stdin.on('data', () => {
  global.gc?.()
  console.log(JSON.stringify({ live, ...process.memoryUsage() }))
})
process.stdin.on('end', () => process.exit(0))
