// The platform room against the real kernel: addresses with a lifetime, news, raw sockets in both families, announcements,
// macvlan, error texts, lifelines.

import t from 'tap'
import type { Link } from '../../src/linux/link-message.js'
import { canMakeNamespaces } from '../lab/network.js'
import { addresses, lifetimes, lists } from './linux/addresses.js'
import { capabilities, errors } from './linux/errors.js'
import './linux/lifeline.js'
import { burst, links, macvlan } from './linux/links.js'
import { announcements, claims, raw } from './linux/packets.js'
import { A, B, clearAway, inside, ip, makeWire, start } from './linux/wire.js'

t.setTimeout(120_000)

const privileged = await canMakeNamespaces()

if (!privileged) {
  t.test('LEFT OUT: addresses, raw sockets, announcements and macvlan need root and network namespaces', async t => {
    t.notOk(process.env.CI, 'in CI it runs as root')
    const host = start(['env'])
    t.teardown(clearAway)
    t.ok(
      ((await host.tell('links')) as Link[]).some(link => link.name === 'lo'),
      'interfaces are listed without a capability',
    )
    t.match((await host.refused('raw', 'lo', 4)).error, /CAP_NET_RAW is missing/)
  })
} else {
  t.test('two hosts on one wire', async t => {
    t.teardown(clearAway)
    makeWire()
    const [a, b] = [inside(A), inside(B)]
    await t.test('interfaces and addresses are listed as they are', t => lists(t, a))
    await t.test('an address comes, is renewed, goes, and is missed', t => addresses(t, a))
    await t.test('packets of protocol 112 arrive with TTL 255, by multicast and unicast, in both families', t =>
      raw(t, a, b),
    )
    await t.test('an announcement changes the neighbour table of the other host', t => announcements(t, a))
    await t.test('a claim to an address is heard, and silence is told as such', t => claims(t, a))
    await t.test('a macvlan carries a virtual MAC', t => macvlan(t, a, b))
    await t.test('links that go down and come up are told', t => links(t, a))
    await t.test('news that does not fit is told as lost', t => burst(t, a))
    await t.test('errors name the call, the interface and the remedy', t => errors(t, a))
    await t.test('a missing capability is named', t => capabilities(t))
    await t.test('a short-lived address outlives its renewals, not its owner', t => lifetimes(t, a))
    await t.test('the thread that waits for sockets does not hold the exit', async t => {
      const begun = performance.now()
      t.equal(await b.leave(), 0, 'ended in order')
      t.comment(`exit took ${Math.round(performance.now() - begun)} ms`)
      t.ok(performance.now() - begun < 1500)
    })
  })
  t.test('nothing is left', async t => {
    t.notMatch(ip('netns', 'list'), new RegExp(`mkl${process.pid}`))
  })
}
