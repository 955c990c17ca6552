// The event stream: its readers, what each may see, and what befalls a slow one.

import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { startControl } from '../../../src/admin/control.js'
import type { AdminDeps } from '../../../src/admin/deps.js'
import { startAdmin } from '../../../src/admin/server.js'
import type { Event } from '../../../src/events/event.js'
import type { Incident } from '../../../src/incidents/incident.js'
import { epochMs } from '../../../src/units/units.js'
import { admin, bind, directory, fakes, nothingToReport, started, status } from './fakes.js'
import { get, retry, type Where } from './http.js'

/** Opens an event stream; resolves once its headers and first bytes are there. */
function stream(where: Where, path = '/events') {
  return new Promise<Stream>((resolve, reject) => {
    const sent = request({ ...where, path, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', part => {
        text += part
      })
      response.on('error', () => {})
      const until = async (what: RegExp) => {
        if (!(await retry(async () => what.test(text), 150))) throw new Error(`${what} did not come, but ${text}`)
      }
      const ready = { status: response.statusCode ?? 0, text: () => text, socket: response.socket, until }
      response.once('data', () => resolve(ready))
    })
    sent.on('error', reject)
    sent.end()
  })
}

interface Stream {
  readonly status: number
  readonly text: () => string
  readonly socket: Socket
  readonly until: (what: RegExp) => Promise<void>
}

const warned = (what: string): Event => ({ kind: 'warned', what })

t.test('events: the backlog, then each line as it comes; the hundred and first reader is turned away', async t => {
  const { port, tell } = await admin(t)
  tell(warned('before'))
  const first = await stream({ port })
  tell(warned('after'))
  await first.until(/after/)
  const lines = first.text().matchAll(/^id: (.+)\ndata: (.+)\n\n/gm)
  const seen = [...lines].map(([, id, data = '']) => ({ id, line: JSON.parse(data) }))
  t.match(
    seen.map(({ line }) => line),
    ['before', 'after'].map(message => ({ at: 7, level: 'warn', message, fields: { event: 'warned' } })),
  )
  t.strictSame(
    seen.map(({ line }) => line.id),
    seen.map(({ id }) => id),
  )
  t.not(seen[0]?.id, seen[1]?.id)
  t.equal(first.text().match(/^event:/gm), null, 'nothing but lines, unless asked for')
  const readers = await Promise.all(Array.from({ length: 99 }, () => stream({ port })))
  t.ok(readers.every(r => r.status === 200))
  const refused = await stream({ port })
  t.match(
    [refused.status, refused.text()],
    [503, /^100 event streams are open.*close one, or read \/status instead\n$/],
  )
  t.equal((await get({ port }, '/healthz')).status, 200)
  first.socket.destroy()
  const again = await retry(async () => (await stream({ port })).status === 200)
  t.ok(again, 'a place that became free is taken')
})

const frames = (text: string, name: string) =>
  [...text.matchAll(new RegExp(`^event: ${name}\\ndata: (.+)$`, 'gm'))].map(([, data = '']) => JSON.parse(data))

t.test(
  'a reader who asks for it gets the status document too: at once, each second, and when something happens',
  async t => {
    const { port, tell, world } = await admin(t)
    const reader = await stream({ port }, '/events?status')
    await reader.until(/^event: incidents/m)
    t.strictSame(frames(reader.text(), 'status'), [status])
    t.strictSame(frames(reader.text(), 'incidents'), [[]])
    world.status = { ...status, stopping: true }
    const begun = Date.now()
    tell(warned('something'))
    await reader.until(/"stopping":true/)
    t.ok(Date.now() - begun < 800, `after ${Date.now() - begun} ms`)
    await reader.until(/(event: status[\s\S]*){3}/)
    t.equal(frames(reader.text(), 'incidents').length, 1, 'incidents only when they have changed')
    world.incidents.push(incident)
    await reader.until(/"number":7/)
  },
)

const incident: Incident = {
  number: 7,
  cluster: 'demo',
  startedAt: epochMs(7),
  cause: 'switchover',
  sign: '',
  moments: {},
  held: 0,
  lost: 0,
  cut: 0,
  refused: 0,
}

t.test('a status document that cannot be made ends neither the router nor the stream', async t => {
  const broken: AdminDeps = {
    ...fakes().deps,
    status: () => {
      throw new Error('a\nbug')
    },
  }
  const server = started(await startAdmin({ kind: 'tcp', host: '127.0.0.1', port: 0 }, broken, nothingToReport, bind))
  t.teardown(server.stop)
  const port = Number(server.listening.bound.split(':')[1])
  const reader = await stream({ port }, '/events?status')
  await reader.until(/^: no status: a bug\n\nevent: incidents/m)
  t.match(await get({ port }, '/status'), { status: 500, body: /a\nbug/ })
})

t.test('the admin address names no client; the control socket does', async t => {
  const world = fakes()
  const where = directory(t)
  const open = started(await startAdmin({ kind: 'tcp', host: '127.0.0.1', port: 0 }, world.deps, nothingToReport, bind))
  const owned = started(await startControl(join(where, 'control.sock'), world.deps, bind))
  t.teardown(() => Promise.all([open.stop(), owned.stop()]))
  const message = 'mekare: 10.9.8.7 is not in listen.write.allow'
  world.tell({ kind: 'session_refused', listen: 'write', client: '10.9.8.7:4711', end: 'refused_address', message })
  const anybody = await stream({ port: Number(open.listening.bound.split(':')[1]) })
  const owner = await stream({ socketPath: join(where, 'control.sock') })
  t.match(owner.text(), /refused 10\.9\.8\.7:4711 .*10\.9\.8\.7 is not in/)
  t.match(anybody.text(), /refused a client \(refused_address\): mekare: a client is not in listen\.write\.allow/)
  t.notMatch(anybody.text(), /10\.9\.8\.7|4711/)
})

t.test('a reader that does not read is ended, the others go on', async t => {
  const { port, tell } = await admin(t)
  const deaf = connect(port, '127.0.0.1', () => deaf.write('GET /events HTTP/1.1\r\nhost: x\r\n\r\n'))
  const gone = new Promise<void>(resolve => deaf.on('error', () => {}).on('close', () => resolve()))
  await new Promise<void>(resolve => deaf.once('readable', () => resolve()))
  for (let i = 0; i < 300; i++) {
    tell(warned('x'.repeat(100_000)))
    await new Promise(setImmediate)
  }
  deaf.resume()
  await gone
  t.equal((await get({ port }, '/healthz')).status, 200)
})
