// The site of drills about floating addresses: two hosts and a client on one wire, made anew for each drill and gone after it. What is
// left then is a figure of every drill.

import { execFileSync } from 'node:child_process'
import { type FloatingHosts, type Program, raiseFloatingHosts } from '../../../test/lab/floating.js'
import { canMakeNamespaces } from '../../../test/lab/network.js'
import { C, K, M, VIP } from '../../../test/lab/pair.js'
import { signal } from '../../../test/lab/processes.js'
import { findProgram } from '../../../test/lab/programs.js'
import { tapWire, type Wiretap } from '../../../test/lab/wiretap.js'
import type { Amount, Drill, Site } from '../drill.js'
import { type Figure, none } from '../figure.js'
import { version } from '../machine.js'
import { type Tenancy, watchTenancy } from './tenancy.js'

/** The port that clients knock at. */
export const PORT = 5000

/** What an address drill works with. */
export interface Wire {
  readonly hosts: FloatingHosts
  /** What the client hears, and who has the address as `ip monitor` says. */
  readonly tap: Wiretap
  readonly tenancy: Tenancy
  /** Its output is shown when the drill fails, and it is ended in order with the drill. */
  keep(program: Program): Program
  say(line: string): void
}

/** Nothing stands between two drills: what is kept is what the programs of all said. */
function createSite() {
  const log: string[] = []
  const site: Site = {
    versions: () => ({
      keepalived: version('keepalived', '--version'),
      haproxy: version('haproxy', '-v'),
      tcpdump: version('tcpdump', '--version'),
      iproute2: version('ip', '-V'),
    }),
    raise: async () => {
      const missing = PROGRAMS.filter(name => findProgram(name) === undefined)
      if (missing.length > 0) throw new Error(`not found on this machine: ${missing.join(', ')}`)
      if (!(await canMakeNamespaces())) throw new Error('address drills make network namespaces: run as root on Linux')
    },
    logged: () => log,
    down: async () => {},
  }
  return { site, log }
}

const PROGRAMS = ['keepalived', 'haproxy', 'tcpdump', 'ip', 'nsenter'] as const
/** Lines of single sessions: the client makes two hundred a second. */
const SESSION = /"session_(ended|joined|held|closed)"/
const { site, log } = createSite()

interface WireDrill {
  readonly name: string
  readonly says: string
  run(wire: Wire, amount: Amount): Promise<readonly Figure[]>
}

/** A drill on hosts of its own. */
export function onWire({ name, says, run }: WireDrill): Drill {
  return {
    name: `address-${name}`,
    says,
    site,
    async run(amount, say) {
      const token = `mka${process.pid}`
      const programs: Program[] = []
      const hosts = await raiseFloatingHosts(token, [M, K, C])
      try {
        const tap = await tapWire(hosts, { on: C, names: [M, K], port: PORT })
        const tenancy = await watchTenancy(hosts, [M, K], VIP)
        const client = hosts.knock(VIP, PORT)
        const keep = (program: Program) => {
          programs.push(program)
          return program
        }
        const figures = await run({ hosts, tap, tenancy, keep, say }, amount)
        for (const pid of [M, K].flatMap(hosts.pids)) signal(pid, 'SIGCONT')
        await Promise.all([client, ...programs].map(program => program.end()))
        const left = none('addresses left on the hosts', hosts.holders(VIP).length, hosts.holders(VIP).join())
        await hosts.clear()
        return [...figures, left, none('namespaces left', namespacesOf(token))]
      } finally {
        log.push(
          ...programs.flatMap(program => program.text().trimEnd().split('\n')).filter(line => !SESSION.test(line)),
        )
        await hosts.clear()
      }
    },
  }
}

const namespacesOf = (token: string) =>
  execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split(token).length - 1
