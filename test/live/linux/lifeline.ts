// Lifelines: they hold no connection of others, and end before the other sockets of a killed process.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createLifeline } from '../../../src/linux/lifeline.js'
import { children, until } from './wire.js'

t.test('a lifeline holds no connection of the other threads', { skip: process.platform !== 'linux' }, async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [served] = (await once(server, 'connection')) as [Socket]
  const lifeline = createLifeline()
  t.equal(lifeline.name(), undefined)
  lifeline.start()
  await until('it listens', 5, () => lifeline.name() !== undefined)
  let ended = false
  client.on('end', () => {
    ended = true
  })
  client.resume()
  served.end()
  served.destroy()
  await until('its peer hears of the end', 2, () => ended)
  server.close()
})

t.test(
  'a lifeline ends before the other sockets of a killed process',
  { skip: process.platform !== 'linux' },
  async t => {
    const first = [await endsFirst(t), await endsFirst(t), await endsFirst(t)]
    // Of a moment in which this process does not run the order of the ends is not heard: one of three may fall into such a one.
    t.ok(first.filter(end => end === 'lifeline').length >= 2, `first were: ${first}`)
  },
)

/** Kills a process with much memory; which of two connections to it ends first. */
async function endsFirst(t: Test): Promise<string | undefined> {
  const lifeline = new URL('../../../src/linux/lifeline.js', import.meta.url).href
  const program = `
    const { createLifeline } = await import(${JSON.stringify(lifeline)})
    const { createServer } = await import('node:net')
    globalThis.ballast = Array.from({ length: 300 }, () => Buffer.alloc(1 << 20, 1))
    const lifeline = createLifeline()
    lifeline.start()
    const server = createServer().listen(0, '127.0.0.1')
    const wait = setInterval(() => {
      if (lifeline.name() === undefined) return
      clearInterval(wait)
      console.log(JSON.stringify([lifeline.name(), server.address().port]))
    }, 10)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.add(child)
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  const [name, port] = JSON.parse(String(line)) as [string, number]
  const ends: string[] = []
  const sockets = [connect(`\0${name}`), connect(port, '127.0.0.1')]
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  for (const [index, socket] of sockets.entries())
    socket
      .on('error', () => {})
      .on('close', () => ends.push(index === 0 ? 'lifeline' : 'other'))
      .resume()
  await sleep(50)
  child.kill('SIGKILL')
  await until('both have ended', 5, () => ends.length === 2)
  return ends[0]
}
