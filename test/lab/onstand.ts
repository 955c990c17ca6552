// A test on a stand: brings it up, takes it down, and shows the ends of its logs when the test throws.

import type { Test } from 'tap'
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
    t.comment(stand.tails(25, 'proxy1'))
    throw error
  }
}
