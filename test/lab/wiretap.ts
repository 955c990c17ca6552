// Who answers a client: tcpdump on the client's host takes down every SYN-ACK and every VRRP advert that reaches it. The time is the
// kernel's, the sender's MAC address tells the host. Judges no host; knows nothing of mekare.

import type { FloatingHosts } from './floating.js'

/** Something a host sent. `at`: the wall clock, in milliseconds. */
export interface Heard {
  readonly at: number
  readonly host: string
}

export interface Advert extends Heard {
  readonly priority: number
}

export interface Wiretap {
  /** The connections that were taken, in order. */
  readonly answers: readonly Heard[]
  readonly adverts: readonly Advert[]
  end(): Promise<void>
}

/** The clock of what is heard: whole milliseconds. */
export const wall = (): number => Date.now()

/** Listens on the host `on` for `names` answering from `port`; answers when it listens. */
export async function tapWire(
  hosts: FloatingHosts,
  { on, names, port }: { readonly on: string; readonly names: readonly string[]; readonly port: number },
): Promise<Wiretap> {
  const hostOf = new Map(names.map(name => [hosts.mac(name), name]))
  const taken = `tcp src port ${port} and tcp[tcpflags] & (tcp-syn|tcp-ack) == (tcp-syn|tcp-ack)`
  // The kernel chooses, by sender too: what a flood would put in between pushes nothing out.
  const senders = [...hostOf.keys()].map(mac => `ether src ${mac}`).join(' or ')
  const how = ['-i', 'eth0', '-Q', 'in', '-n', '-e', '-tt', '-l', '--immediate-mode']
  const tcpdump = hosts.watch(on, ['tcpdump', ...how, `((${taken}) or ip proto 112) and (${senders})`])
  const answers: Heard[] = []
  const adverts: Advert[] = []
  let rest = ''
  tcpdump.child.stdout?.on('data', (piece: Buffer) => {
    const lines = (rest + piece.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const heard = readLine(line, hostOf)
      if (heard && 'priority' in heard) adverts.push(heard)
      else if (heard) answers.push(heard)
    }
  })
  await new Promise<void>((resolve, reject) => {
    tcpdump.child.stderr?.on('data', () => tcpdump.text().includes('listening on') && resolve())
    tcpdump.child.once('exit', () => reject(new Error(`tcpdump ended: ${tcpdump.text()}`)))
  })
  return {
    answers,
    adverts,
    async end() {
      await tcpdump.end('SIGINT')
    },
  }
}

function readLine(line: string, hostOf: ReadonlyMap<string, string>): Heard | Advert | undefined {
  const [, time = '', mac = '', what = ''] = /^(\d+\.\d+) (\S+) > (.*)$/.exec(line) ?? []
  const host = hostOf.get(mac)
  if (host === undefined) return undefined
  const heard = { at: Number(time) * 1000, host }
  const [, priority] = / vrid \d+, prio (\d+),/.exec(what) ?? []
  return priority === undefined ? heard : { ...heard, priority: Number(priority) }
}

export interface Gap {
  /** From the fault to the first connection that the other host took; undefined: it took none. */
  readonly answered: number | undefined
  /** The longest time without a connection taken by anybody, from 200 ms before the fault on. */
  readonly longest: number
}

/** What a client saw around a fault at `since`, until `until`, in milliseconds. */
export function gapAfter(answers: readonly Heard[], since: number, until: number, other: string): Gap {
  const near = answers.filter(({ at }) => at >= since - 200 && at <= until)
  const first = near.find(({ at, host }) => at >= since && host === other)
  return { answered: first && first.at - since, longest: silence(near, near[0]?.at ?? since, until) }
}

/** The longest time between two moments in which nothing was heard, in milliseconds. */
export function silence(heard: readonly Heard[], since: number, until: number): number {
  const times = [since, ...heard.map(({ at }) => at).filter(at => at > since && at < until), until]
  return times.reduce((most, at, index) => Math.max(most, at - (times[index - 1] ?? at)), 0)
}
