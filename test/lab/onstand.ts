// A test on a stand, or on hosts around a floating address: brings them up, takes them down, and shows the ends of the logs when a test on
// a stand throws.

import { execFileSync } from 'node:child_process'
import type { Test } from 'tap'
import { type FloatingHosts, raiseFloatingHosts } from './floating.js'
import { canMakeNamespaces } from './network.js'
import type { StandOptions } from './options.js'
import { createStand, type Stand } from './stand.js'

/** One member, one etcd, one proxy on loopback addresses; the role `cert_app` needs no password, so its startup is a few known bytes. */
export const SMALL: StandOptions = {
  network: 'loopback',
  etcd: 1,
  members: 1,
  proxies: 1,
  hba: ['host all cert_app all trust'],
}

/** Plays on a stand of its own, which is gone when the test has ended. */
export async function onStand(t: Test, options: StandOptions, play: (stand: Stand) => Promise<void>): Promise<void> {
  const stand = await createStand(options)
  t.teardown(() => stand.down())
  try {
    await stand.up()
    await play(stand)
  } catch (error) {
    for (const host of stand.proxies) t.comment(stand.tails(25, host))
    throw error
  }
}

/**
 * A test on hosts on one wire, and after it one that nothing is left of them. Their namespaces are named by the token and the host. Where
 * namespaces cannot be made it says so, and fails in CI.
 */
export async function onFloatingHosts(
  t: Pick<Test, 'test'>,
  title: string,
  { token, names }: { readonly token: string; readonly names: readonly string[] },
  play: (t: Test, hosts: FloatingHosts) => Promise<void>,
): Promise<void> {
  if (!(await canMakeNamespaces())) {
    t.test(`LEFT OUT: ${title}: this takes root and network namespaces`, async t => {
      t.notOk(process.env.CI, 'in CI it runs as root')
    })
    return
  }
  t.test(title, async t => {
    const hosts = await raiseFloatingHosts(token, names)
    try {
      await play(t, hosts)
    } finally {
      await hosts.clear()
    }
  })
  t.test('nothing is left', async t => {
    t.notMatch(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }), new RegExp(token))
  })
}
