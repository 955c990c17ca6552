// Packets of protocol 112, announcements and claims.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Incoming } from '../../../src/linux/raw-socket.js'
import type { Insider } from '../../lab/insider.js'
import { A, B, GROUP, ip, macOf, until } from './wire.js'

const packets = (host: Insider) => host.told.flatMap(one => ('packet' in one ? [one] : []))

const WIRE = [
  { family: 4, from: '10.78.0.1', unicast: '10.78.0.2' },
  { family: 6, from: 'fe80::1', unicast: 'fe80::2' },
] as const

export async function raw(t: Test, a: Insider, b: Insider): Promise<void> {
  for (const { family, from, unicast } of WIRE) {
    for (const host of [a, b]) await host.tell('raw', 'eth0', family, GROUP[family])
    for (const to of [GROUP[family], unicast]) {
      b.told.length = 0
      await a.tell('send', family, { from, to, payload: Uint8Array.of(0x31, 51, 250, 0, 0, 100, 0, 1, 9) })
      await until(`a packet to ${to}`, 2, () => packets(b).length > 0)
      const { packet } = packets(b)[0] as { packet: Incoming }
      t.match(packet, { from, to, ttl: 255 }, `to ${to}`)
      t.same([...packet.payload], [0x31, 51, 250, 0, 0, 100, 0, 1, 9])
    }
    t.same(packets(a), [], 'the sender does not hear itself')
    await latency(t, a, b, family, from)
    b.told.length = 0
    await b.tell('leave', family)
    await a.tell('send', family, { from, to: GROUP[family], payload: Uint8Array.of(1) })
    await a.tell('send', family, { from, to: unicast, payload: Uint8Array.of(2) })
    await until('the unicast packet', 2, () => packets(b).length > 0)
    t.same(
      packets(b).map(one => one.packet.payload[0]),
      [2],
      'who left the group hears unicast only',
    )
  }
}

/** From before sendto in one process to the reader in the other: kernel, epoll, thread and message together. */
async function latency(t: Test, a: Insider, b: Insider, family: 4 | 6, from: string): Promise<void> {
  b.told.length = 0
  for (let n = 0; n < 100; n++) {
    await a.tell('sendClock', family, from, GROUP[family])
    await sleep(3)
  }
  await until('100 packets', 2, () => packets(b).length === 100)
  const late = packets(b)
    .map(one => one.late)
    .sort((x, y) => x - y)
  t.comment(`IPv${family}, send to reader: median ${late[50]?.toFixed(3)} ms, 99th ${late[98]?.toFixed(3)} ms`)
}

export async function announcements(t: Test, a: Insider): Promise<void> {
  for (const address of ['10.78.0.100', 'fd78::100']) {
    ip('-n', B, 'neigh', 'replace', address, 'lladdr', '02:00:00:00:00:99', 'dev', 'eth0', 'nud', 'stale')
    await a.tell('announce', 'eth0', address)
    const entry = () => ip('-n', B, 'neigh', 'show', address, 'dev', 'eth0')
    const took = await until(`the new MAC of ${address}`, 2, () => entry().includes(macOf(A)))
    t.comment(`${address}: neighbour table changed within ${took} ms`)
    t.match(entry(), macOf(A))
  }
}

export async function claims(t: Test, a: Insider): Promise<void> {
  t.same(await a.tell('whoClaims', 'eth0', '10.78.0.2', 500), { address: '10.78.0.2', mac: macOf(B) })
  t.same(await a.tell('whoClaims', 'eth0', 'fd78::2', 500), { address: 'fd78::2', mac: macOf(B) })
  const begun = performance.now()
  t.equal(await a.tell('whoClaims', 'eth0', '10.78.0.77', 200), undefined)
  t.equal(await a.tell('whoClaims', 'eth0', 'fd78::77', 200), undefined)
  t.ok(performance.now() - begun < 1000, 'listening is bounded')
}
