// `node forward.js ENGINE THREADS SPIN HOST PORT TARGET_HOST TARGET_PORT`: accepts, dials, and hands both sockets to an engine;
// nothing else. `SPIN` as in the configuration: 50us.

import { createServer, connect as dial } from 'node:net'
import { createEngine } from '../../src/relay/create.js'
import { ms } from '../../src/units/units.js'

const [engineName, threads, spin, host, port, targetHost, targetPort] = process.argv.slice(2)
const asked = engineName === 'net' || engineName === 'native' ? engineName : 'auto'
const config = {
  engine: asked,
  threads: Number(threads),
  spin: ms(Number.parseFloat(spin ?? '') / 1000),
  batch: 'auto',
  countQueries: false,
} as const
const made = await createEngine(config, what => console.error(what))
if (!made.ok) throw new Error(made.why)
const { engine } = made
/** Of all sessions: nobody here asks how one ended. */
const owner = { ended: () => undefined }

const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, session => {
  session.on('error', () => {})
  const target = { port: Number(targetPort), host: targetHost ?? '' }
  const link = dial({ ...target, allowHalfOpen: true, noDelay: true })
  link.on('error', () => session.destroy())
  link.once('connect', () => engine.attach({ session, link, toLink: [], toSession: [] }, owner))
})
server.listen({ port: Number(port), host: host ?? '', backlog: 4096 })
