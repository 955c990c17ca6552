// Every relay engine on real loopback sockets: nothing lost, repeated or reordered; ends, failures and cuts passed on; memory bounded; no descriptor kept.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createNativeEngine } from '../../src/relay/native.js'
import { ms } from '../../src/units/units.js'
import { testsOn } from './relay/onengine.js'
import {
  close,
  ENGINES,
  hear,
  joiner,
  listening,
  noop,
  ownWires,
  PATIENCE,
  relay,
  stalled,
  until,
  wire,
  within,
} from './relay/wires.js'

/** The engines give a session so long for what had been read for it, in ms. */
const FLUSH_LIMIT = 100

for (const [name, engine, make] of ENGINES) {
  const test = testsOn(name, engine, make)

  // Of sockets that Node has made.
  const testOfNode = make === wire ? test : () => {}

  test('bytes handed over come first and in order, and are counted', async (t, open) => {
    const given = {
      toLink: [Buffer.from('start'), Buffer.from('up ')],
      toSession: [Buffer.from('auth '), Buffer.from('ok ')],
    }
    const w = await make()
    w.client.write('query ')
    w.backend.write('row ')
    const [, relayed] = await open(w, given)
    const [atBackend, atClient] = [hear(w.backend), hear(w.client)]
    w.client.end('bye')
    w.backend.end('end')
    t.same(await relayed.ended, { by: relayed.endings[0]?.by })
    await Promise.all([atBackend.done, atClient.done])
    t.equal(atBackend.text, 'startup query bye')
    t.equal(atClient.text, 'auth ok row end')
    t.same(relayed.counts(), { fromSession: 17, fromLink: 15 })
  })

  test('queries are counted in plaintext, from what was handed over on, and in no other session', async (t, open) => {
    const query = Buffer.from('Q\0\0\0\x0dselect 1\0', 'latin1')
    const sync = Buffer.from('S\0\0\0\x04', 'latin1')
    const [w, relayed] = await open(undefined, { plaintext: true, toLink: [query.subarray(0, 3)] })
    const [other, unknown] = await open(undefined, { toLink: [query] })
    const [atBackend, atOther] = [hear(w.backend), hear(other.backend)]
    hear(w.client)
    w.client.write(query.subarray(3))
    await until('it is not counted while the session is open', () => relayed.counts().queries === 1)
    w.client.write(Buffer.concat([sync, query, query.subarray(0, 6)]))
    await sleep(5)
    w.backend.write(query)
    w.client.end(query.subarray(6))
    other.client.end(query)
    await Promise.all([atBackend.done, atOther.done])
    w.backend.end()
    other.backend.end()
    await Promise.all([relayed.ended, unknown.ended])
    t.same(relayed.counts(), { fromSession: 3 * query.length + sync.length, fromLink: query.length, queries: 3 })
    t.equal(unknown.counts().queries, undefined)
  })

  testOfNode('bytes that wait in the streams of paused sockets are not lost', async (t, open) => {
    const w = await wire()
    for (const socket of [w.session, w.link]) {
      socket.on('readable', noop)
      socket.read(0)
    }
    w.client.write('before ')
    w.backend.write('before ')
    await until(
      'no bytes are held',
      () => (w.session as Socket).readableLength > 0 && (w.link as Socket).readableLength > 0,
    )
    for (const socket of [w.session, w.link]) socket.off('readable', noop)
    await open(w)
    const [atBackend, atClient] = [hear(w.backend), hear(w.client)]
    w.client.end('after')
    w.backend.end('after')
    await Promise.all([atBackend.done, atClient.done])
    t.equal(atBackend.text, 'before after')
    t.equal(atClient.text, 'before after')
  })

  for (const side of ['session', 'link'] as const) {
    test(`a half-close by the ${side} is passed on and the other direction goes on`, async (t, open) => {
      const [w, relayed] = await open()
      const [first, second] = side === 'session' ? [w.client, w.backend] : [w.backend, w.client]
      const [atFirst, atSecond] = [hear(first), hear(second)]
      t.equal(relayed.halfClosed(), false)
      first.end('last words')
      await atSecond.done
      t.equal(atSecond.text, 'last words')
      t.equal(atSecond.end, 'end')
      t.equal(relayed.halfClosed(), true)
      second.write('still ')
      await sleep(10)
      second.end('here')
      await atFirst.done
      t.equal(atFirst.text, 'still here')
      t.same(await relayed.ended, { by: side })
      const parted = relayed.words.map(last => last.parted !== undefined)
      t.same(parted, [side === 'link'], 'a link that follows its client did not begin to end it')
      t.equal(relayed.halfClosed(), false)
    })

    test(`a reset by the ${side} is passed on after what it had sent`, async (t, open) => {
      const [w, relayed] = await open()
      const [first, second] = side === 'session' ? [w.client, w.backend] : [w.backend, w.client]
      const heard = hear(second)
      first.write('last words')
      // Bytes and a reset that come in one poll libuv tells as bytes and an end.
      await until('the last words have not come', () => heard.bytes === 10)
      first.resetAndDestroy()
      const end = await relayed.ended
      await heard.done
      t.match(end, { by: side, error: /ECONNRESET/ })
      t.equal(heard.text, 'last words')
      t.equal(heard.end, 'reset')
    })

    testOfNode(
      `a ${side} that ended, failed or closed before it was handed over ends as it would have`,
      async (t, open) => {
        const hows = ['end', 'reset', 'destroyed', 'destroyed just now'] as const
        for (const [how, given] of hows.flatMap(how => [[how, ''] as const, [how, 'given'] as const])) {
          const w = await wire()
          const [far, own, other] =
            side === 'session' ? [w.client, w.session, w.backend] : [w.backend, w.link, w.client]
          own.resume()
          if (how === 'end') far.end()
          if (how === 'reset') far.resetAndDestroy()
          if (how.startsWith('destroyed')) own.destroy()
          if (how !== 'destroyed just now')
            await new Promise(resolve => own.once(how === 'end' ? 'end' : 'close', resolve))
          const heard = hear(other)
          const [, relayed] = await open(w, { toLink: [Buffer.from(given)], toSession: [Buffer.from(given)] })
          await heard.done
          t.equal(heard.text, given, how)
          // libuv tells bytes and a reset that come in one poll as bytes and an end: the far end here, not the relay.
          if (given === '' || how === 'end') t.equal(heard.end, how === 'end' ? 'end' : 'reset', how)
          if (how === 'end') other.end()
          if (how === 'end') far.resume()
          const end = await relayed.ended
          t.equal(end.by, side, how)
          t.equal('error' in end, how === 'reset', how)
        }
      },
    )
  }

  // Of a session that Node moves; another engine has taken the sockets away by then.
  const testOfNet = engine.name === 'net' ? test : () => {}
  testOfNet('a socket that someone else destroys ends the session', async (t, open) => {
    for (const side of ['session', 'link'] as const) {
      const [w, relayed] = await open()
      const heard = hear(side === 'session' ? w.backend : w.client)
      await sleep(5)
      w[side].destroy()
      t.same(await within(PATIENCE, relayed.ended), { by: side })
      await heard.done
      t.equal(heard.end, 'reset')
    }
  })

  testOfNet('what had been read from a link that fails still reaches a slow session', async (t, open) => {
    const [w, relayed] = await open()
    w.backend.on('error', noop)
    pour(w.backend)
    await until('the link holds no bytes that it could not pass on', () => (w.link as Socket).readableLength > 0)
    const before = relayed.counts().fromLink
    const since = performance.now()
    w.backend.resetAndDestroy()
    await sleep(10)
    w.client.write('tells the link')
    await new Promise<void>(resolve => (w.link as Socket).on('error', () => resolve()))
    const heard = hear(w.client)
    t.match(await relayed.ended, { by: 'link', error: /ECONNRESET|EPIPE/ })
    await heard.done
    t.ok(relayed.counts().fromLink > before, 'it is counted')
    const given = performance.now() - since
    if (given < FLUSH_LIMIT) t.equal(heard.bytes, relayed.counts().fromLink)
    else t.comment(`${heard.bytes} bytes in ${Math.round(given)} ms: a busy machine`)
    // libuv tells bytes and a reset that come in one poll as bytes and an end.
    t.not(heard.end, 'open')
  })

  test('a session that was slow until the cut gets what had been read for it', async (t, open) => {
    const [w, relayed] = await open()
    w.backend.on('error', noop)
    pour(w.backend)
    if (engine.name === 'net') await until('the session has no backlog', () => w.session.writableLength > 0)
    else await sleep(100)
    const before = relayed.counts().fromLink
    const since = performance.now()
    relayed.cut()
    const heard = hear(w.client)
    t.same(await relayed.ended, { by: 'cut' })
    const given = performance.now() - since
    await heard.done
    t.ok(heard.bytes >= before || given >= FLUSH_LIMIT, `${heard.bytes} of ${before} bytes in ${Math.round(given)} ms`)
  })

  test('both sides closed before they were handed over', async (t, open) => {
    const w = await make()
    const closed = [w.session, w.link].map(each => ('once' in each ? once(each, 'close') : sleep(10)))
    w.session.destroy()
    w.link.destroy()
    await Promise.all(closed)
    let synchronous = true
    const [, relayed] = await open(w)
    relayed.ended.then(() => t.equal(synchronous, false, 'ended is not called from within attach'))
    synchronous = false
    t.match(await relayed.ended, { by: /session|link/ })
    relayed.cut()
  })

  test('a cut gives the session what the link had sent, then resets both', async (t, open) => {
    const [w, relayed] = await open()
    const [atBackend, atClient] = [hear(w.backend), hear(w.client)]
    w.backend.write('x'.repeat(9000))
    await until('the client has not heard all', () => atClient.bytes === 9000)
    // Out of a socket's own callback, where the next turn comes before the kernel is asked again.
    w.backend.once('data', () => {
      w.backend.write('last')
      relayed.cut()
      relayed.cut()
    })
    w.client.write('ping')
    t.same(await relayed.ended, { by: 'cut' })
    await Promise.all([atBackend.done, atClient.done])
    t.equal(atClient.bytes, 9004)
    t.equal(atBackend.end, 'reset')
    // Bytes and a reset that come in one poll: libuv tells an end, as above.
    if (engine.name === 'net') t.equal(atClient.end, 'reset')
    t.equal(atBackend.text, 'ping')
    relayed.cut()
  })

  test('what a session sends after a cut stays here', async (t, open) => {
    const [w, relayed] = await open()
    const [atBackend, atClient] = [hear(w.backend), hear(w.client)]
    w.backend.once('data', () => {
      relayed.cut()
      // The reset may be there already: then this write fails, and takes with it what the client has not read.
      w.client.write('too late')
    })
    w.client.write('ping')
    t.same(await relayed.ended, { by: 'cut' })
    await Promise.all([atBackend.done, atClient.done])
    t.equal(atBackend.text, 'ping')
  })

  test('a cut of a session that says nothing resets both', async (t, open) => {
    const [w, relayed] = await open()
    const [atBackend, atClient] = [hear(w.backend), hear(w.client)]
    await sleep(5)
    relayed.cut()
    t.same(await relayed.ended, { by: 'cut' })
    await Promise.all([atBackend.done, atClient.done])
    t.same([atClient.end, atBackend.end], ['reset', 'reset'])
  })

  test('a cut is over within 200 ms whatever the session and the link do', async (t, open) => {
    for (const state of ['slow session', 'slow link', 'streaming', 'half closed', 'ending now'] as const) {
      const [w, relayed] = await open()
      const far = [w.client, w.backend].map(socket => socket.on('error', noop))
      if (state !== 'slow session') w.client.resume()
      if (state !== 'slow link') w.backend.resume()
      if (state === 'slow session') pour(w.backend)
      if (state === 'slow link') pour(w.client)
      if (state === 'streaming') for (const socket of far) pour(socket)
      if (state === 'half closed') w.client.end()
      await sleep(30)
      if (state === 'ending now') {
        w.backend.end()
        if (engine.name === 'net') await new Promise<void>(resolve => (w.link as Socket).once('end', resolve))
        else await sleep(10)
      }
      const since = performance.now()
      relayed.cut()
      t.same(await relayed.ended, { by: 'cut' }, state)
      t.ok(performance.now() - since < 1000, `${state}: ${Math.round(performance.now() - since)} ms`)
    }
  })

  test('a session on a Unix socket is relayed and cut', async (t, open) => {
    const path = join(tmpdir(), `mekare-relay-${process.pid}.sock`)
    const server = await listening(createServer({ allowHalfOpen: true, pauseOnConnect: true }), { path })
    const over = joiner(server, { path })
    const [w] = await open(await wire(over))
    const [atBackend, atClient] = [hear(w.backend), hear(w.client)]
    w.client.end('up')
    w.backend.end('down')
    await Promise.all([atBackend.done, atClient.done])
    t.same([atBackend.text, atClient.text], ['up', 'down'])
    const [other, relayed] = await open(await wire(over))
    const heard = hear(other.client)
    relayed.cut()
    await heard.done
    t.same(await relayed.ended, { by: 'cut' })
    server.close()
    await once(server, 'close')
  })

  test('a reader that does not read stops the writer, in bounded memory, and then gets every byte', async (t, open) => {
    const total = 64 * 1024 * 1024
    const block = Buffer.alloc(65_536, 'mekare')
    const [w, relayed] = await open()
    const rss = process.memoryUsage.rss()
    const expected = createHash('sha1')
    let sent = 0
    const write = () => {
      while (sent < total) {
        sent += block.length
        expected.update(block)
        if (!w.backend.write(block)) break
      }
      if (sent === total) w.backend.end()
    }
    w.backend.on('drain', write).on('error', noop)
    write()
    const stalledAt = await stalled(() => relayed.counts().fromLink)
    t.ok(stalledAt < total / 2, `the writer is stopped: ${stalledAt} bytes taken`)
    t.ok(w.session.writableLength < 512 * 1024, `${w.session.writableLength} bytes held`)
    t.ok(process.memoryUsage.rss() - rss < 32 * 1024 * 1024, `${process.memoryUsage.rss() - rss} bytes more resident`)
    w.client.write('the other direction goes on')
    t.equal(String((await once(w.backend.resume(), 'data'))[0]), 'the other direction goes on')
    const heard = hear(w.client)
    await heard.done
    t.equal(heard.bytes, total)
    t.equal(heard.hash.digest('hex'), expected.digest('hex'))
  })
}

t.test('a session meets a relay thread when it has stayed, streams, or is cut, and not before', async t => {
  const young = createNativeEngine({ threads: 1, youngFor: ms(200) })
  t.equal(await young.ready(), undefined)
  const make = await ownWires(young)
  const inThread = () => young.threads[0]?.size()
  const open = async () => {
    const made = await make()
    for (const far of [made.client, made.backend]) far.on('error', noop)
    return [made, relay(young, made)] as const
  }
  const [stays, staying] = await open()
  stays.client.end('last words')
  t.equal(String((await once(stays.backend.resume(), 'data'))[0]), 'last words')
  t.ok(staying.halfClosed())
  t.equal(inThread(), 0)
  await sleep(500)
  t.equal(inThread(), 1)
  t.ok(staying.halfClosed())
  stays.backend.end('its answer')
  t.equal(String((await once(stays.client, 'data'))[0]), 'its answer')
  t.same(await staying.ended, { by: 'session' })
  t.same(staying.counts(), { fromSession: 10, fromLink: 10 })

  const [short, leaving] = await open()
  short.client.end()
  short.backend.end()
  for (const far of [short.client, short.backend]) far.resume()
  t.match(await leaving.ended, { by: /session|link/ })
  const [streams, streaming] = await open()
  pour(streams.backend)
  await sleep(50)
  t.equal(inThread(), 1)
  streaming.cut()
  const [idles, idling] = await open()
  idling.cut()
  t.same(await Promise.all([streaming.ended, idling.ended]), [{ by: 'cut' }, { by: 'cut' }])
  t.equal(inThread(), 0)
  const [late, stopping] = await open()
  await young.stop()
  t.same(await stopping.ended, { by: 'cut', error: 'the relay has stopped' })
  for (const made of [stays, short, streams, idles, late]) close(made)
})

/** Writes without end, as fast as the socket takes it, until it is closed. */
function pour(socket: Socket): void {
  const block = Buffer.alloc(65_536)
  const more = () => {
    while (!socket.destroyed && socket.write(block));
  }
  socket.on('drain', more)
  more()
}
