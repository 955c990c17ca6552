// A witness in simulated time: one key in etcd, and the client of each of two hosts.

import type { Witness } from '../../../src/vrrp/state.js'
import { says } from './script.js'
import type { Wire } from './wire.js'

/** The two clients of one key: turns one after the other, each asks, acts where the key lies, and hears the answer later. */
export function createWitness(wire: () => Wire, delays: readonly number[]) {
  let key: { readonly who: number; readonly lease: number } | undefined
  let leases = 0
  let turns = 0
  const clients = [0, 1].map(who => ({ who, wanted: false, lease: ++leases, givenUp: [] as number[], told: 'unheard' }))
  type Client = (typeof clients)[number]
  const delay = () => delays[turns++ % delays.length] ?? 1
  const tell = (client: Client, witness: Witness) => {
    client.told = witness.kind
    wire().feed(client.who, says(witness))
  }
  const act = ({ who, wanted, lease, givenUp }: Client, asked: number): Witness => {
    if (key?.who === who && givenUp.includes(key.lease)) key = undefined
    if (!key && wanted && lease === asked) key = { who, lease }
    if (!key) return { kind: 'free' }
    return key.lease === asked ? { kind: 'ours' } : { kind: 'other', holder: `host ${key.who}` }
  }
  const turn = (client: Client) => {
    const asked = client.lease
    wire().later(delay(), undefined, () => {
      const answer = act(client, asked)
      wire().later(delay(), client.who, () => {
        if (asked === client.lease) tell(client, answer)
        wire().later(50, client.who, () => turn(client))
      })
    })
  }
  return {
    begin: () => {
      for (const client of clients) turn(client)
    },
    /** What the sidecar does after each step of a host's machines. */
    want(who: number, wanted: boolean) {
      const client = clients[who] as Client
      if (client.wanted === wanted) return
      client.wanted = wanted
      if (wanted) return
      client.givenUp.push(client.lease)
      client.lease = ++leases
      if (client.told === 'ours') tell(client, { kind: 'unheard' })
    },
  }
}
