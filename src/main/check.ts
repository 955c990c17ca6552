// `mekare check`: says that the configuration is good, then asks what it names: the source, and each member. Changes nothing.

import { EXIT } from '../cli/deps.js'
import { formatListenAddress } from '../config/addresses.js'
import { cautions } from '../config/cautions.js'
import { sessionLimit } from '../config/rules.js'
import type { Config } from '../config/shape.js'
import type { ClusterState } from '../pools/cluster.js'
import { gateWords } from '../pools/gate.js'
import { epochMs, ms } from '../units/units.js'
import { type Cluster, createCluster } from './cluster.js'
import { whyUnwritable } from './incident-file.js'
import { descriptorLimit } from './limits.js'

/** How long the source and the members have to answer. */
const PATIENCE = ms(5000)

export interface CheckInput {
  readonly config: Config
  /** Only the configuration: nobody is asked. */
  readonly offline: boolean
  readonly out: (line: string) => void
}

/** Exit code 0 when everything answers as it should, 1 when something does not. A wrong configuration has been told before. */
export async function check({ config, offline, out }: CheckInput): Promise<number> {
  out(
    `the configuration is good; at most ${sessionLimit(config.session.max, descriptorLimit(), config.relay.threads)} sessions`,
  )
  for (const [name, { address, role, cluster }] of Object.entries(config.listen))
    out(`listener ${name}: ${formatListenAddress(address)}, role ${role}, cluster ${cluster}`)
  const forgetful = whyUnwritable(config.incidents.file)
  if (forgetful !== undefined) out(`incidents.file: ${forgetful}; until then incidents do not outlive a restart`)
  for (const what of cautions(config)) out(`warning: ${what}`)
  if (offline) return EXIT.good
  let good = true
  for (const [name, cluster] of Object.entries(config.clusters)) good = (await ask(name, cluster, config, out)) && good
  return good ? EXIT.good : EXIT.failed
}

async function ask(
  name: string,
  config: Config['clusters'][string],
  all: Config,
  out: CheckInput['out'],
): Promise<boolean> {
  const now = () => ms(performance.now())
  const cluster = createCluster(name, config, {
    now,
    wall: () => epochMs(Date.now()),
    report: () => {},
    config: () => all,
    changed: () => {},
  })
  cluster.start()
  const until = now() + PATIENCE
  while (now() < until && !settled(cluster.state())) await new Promise(resolve => setTimeout(resolve, 50))
  const good = tell(cluster, out)
  out(`cluster ${name}: gate ${gateWords(cluster.state().gate, now())}`)
  await cluster.stop()
  return good
}

/** Every member known has answered, or said why it cannot be asked. */
function settled({ topology, words, silent }: ClusterState): boolean {
  if (silent) return true
  return (
    topology !== undefined &&
    topology.members.size > 0 &&
    [...topology.members.keys()].every(name => words.get(name)?.last)
  )
}

function tell(cluster: Cluster, out: CheckInput['out']): boolean {
  const { topology, words, silent } = cluster.state()
  const { kind } = cluster.source()
  if (!topology || silent) {
    out(
      `cluster ${cluster.name}: ${kind} does not answer: ${silent?.why ?? cluster.source().why ?? `nothing within ${PATIENCE}ms`}`,
    )
    return false
  }
  for (const problem of topology.problems) out(`cluster ${cluster.name}: ${problem}`)
  let good = topology.members.size > 0 && topology.problems.length === 0
  if (topology.members.size === 0) out(`cluster ${cluster.name}: ${kind} answers, but lists no member`)
  for (const { name, address } of topology.members.values()) {
    const last = words.get(name)?.last
    const where = `member ${name} at ${address.host}:${address.port}`
    if (last && last.answer.kind !== 'unasked') {
      out(`${where}: answers as ${last.answer.kind === 'primary' ? 'primary' : 'replica'} (${last.via})`)
      continue
    }
    good = false
    out(`${where}: ${last?.answer.kind === 'unasked' ? last.answer.why : 'no answer yet'}`)
  }
  return good
}
