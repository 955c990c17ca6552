// `mekare switchover`: says what will be, asks, has the router order it of Patroni, and shows each phase as it comes. The phases are
// those of the incident that the router records, so what is shown is what `mekare incidents` shows later.

import { setTimeout as sleep } from 'node:timers/promises'
import type { SwitchoverPlan } from '../admin/deps.js'
import { printable } from '../events/printable.js'
import type { Incident } from '../incidents/incident.js'
import { phasesOf } from '../incidents/phases.js'
import { lengthWords, momentWords, paidWords, seconds, wayWords } from '../incidents/words.js'
import { plural } from '../units/units.js'
import { ask, type Reply } from './ask.js'
import { type CliDeps, EXIT } from './deps.js'
import type { Paint } from './paint.js'
import type { Wanted } from './parse.js'

const LOOK_MS = 50
/** Patroni answers when it is done; the router gives it 80 s. */
const PATIENCE_MS = 90_000
/** After Patroni says that it is done: how long the leader change may take to be seen here, and how long a first write is waited for. */
const SEEN_WITHIN_MS = 15_000
const WRITE_WITHIN_MS = 2000

export interface SwitchoverDeps extends Pick<CliDeps, 'out' | 'err' | 'confirm'> {
  readonly ask: (method: 'GET' | 'POST', path: string, within?: number) => Promise<Reply>
  readonly paint: Paint
  readonly now: () => number
}

/** What the verb needs of a socket. */
export const over =
  (socket: string): SwitchoverDeps['ask'] =>
  (method, path, within) =>
    ask(socket, method, path, within)

/** Gives the exit code: 0 done, 1 refused or not done, 2 nobody to ask, 69 no router. */
export async function switchover(args: Wanted['args'], deps: SwitchoverDeps): Promise<number> {
  const planned = await deps.ask('GET', `/switchover?${query({ cluster: args.cluster, to: args.to })}`)
  if (planned.kind !== 'answer' || planned.status !== 200) return failed(planned, deps)
  const plan = JSON.parse(planned.body) as SwitchoverPlan
  if (!args.json) deps.out(planWords(plan, deps.paint))
  if (!args.yes) {
    if (deps.confirm === undefined) {
      deps.err('there is no terminal to ask on: say --yes\n')
      return EXIT.usage
    }
    if (!(await deps.confirm('switch over?'))) {
      deps.err('nothing is done\n')
      return EXIT.failed
    }
  }
  const { cluster, from, to } = plan
  const order = deps.ask('POST', `/switchover?${query({ cluster, from, to })}`, PATIENCE_MS)
  return follow(plan, order, args.json, deps)
}

function query(fields: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined)
  return new URLSearchParams(given).toString()
}

function failed(reply: Reply, { err }: SwitchoverDeps): number {
  if (reply.kind === 'unavailable') {
    err(`${reply.why}\n`)
    return EXIT.unavailable
  }
  err(`${printable(reply.body.trim())}\n`)
  return EXIT.failed
}

function planWords({ cluster, from, to, why, sessions, holds }: SwitchoverPlan, paint: Paint): string {
  const wait = holds.length === 0 ? '' : `; who comes to write waits (holdFor: ${holds.join(', ')})`
  return `${paint.bold(printable(`${cluster}: ${from} → ${to}`))} (${printable(why)})
  ${plural(sessions, 'open session')} on ${printable(from)} will end${printable(wait)}\n`
}

/** Shows what comes until the leader change is over, or until it is clear that there is none. */
async function follow(
  plan: SwitchoverPlan,
  order: Promise<Reply>,
  json: boolean,
  deps: SwitchoverDeps,
): Promise<number> {
  let answer: { readonly reply: Reply; readonly at: number } | undefined
  void order.then(reply => {
    answer = { reply, at: deps.now() }
  })
  const shown = new Set<string>()
  for (;;) {
    const incident = await incidentOf(plan, deps)
    if (incident !== undefined && !json) show(incident, shown, deps)
    const end = answer && isOver(incident, answer.reply, deps.now() - answer.at)
    if (end && answer) return conclude(plan, incident, answer.reply, json, deps)
    await sleep(LOOK_MS)
  }
}

/** The leader change of this order: the first of its cluster that is newer than the plan. */
async function incidentOf({ cluster, incident }: SwitchoverPlan, deps: SwitchoverDeps): Promise<Incident | undefined> {
  const reply = await deps.ask('GET', '/incidents')
  if (reply.kind !== 'answer' || reply.status !== 200) return undefined
  const all = JSON.parse(reply.body) as readonly Incident[]
  return all.find(one => one.cluster === cluster && one.number > incident)
}

function show(incident: Incident, shown: Set<string>, { out }: SwitchoverDeps): void {
  for (const { name, at, took } of phasesOf(incident)) {
    if (shown.has(name)) continue
    shown.add(name)
    out(`  +${seconds(at)}  ${seconds(took)}  ${printable(momentWords(name, incident))}\n`)
  }
}

/** `since`: milliseconds since Patroni's answer. */
function isOver(incident: Incident | undefined, reply: Reply, since: number): boolean {
  const done = reply.kind === 'answer' && reply.status === 200
  if (!done) return incident === undefined || incident.lasted !== undefined || since > WRITE_WITHIN_MS
  if (incident?.lasted !== undefined) return true
  return since > (incident?.moments.confirmed === undefined ? SEEN_WITHIN_MS : WRITE_WITHIN_MS)
}

function conclude(
  { from, to }: SwitchoverPlan,
  incident: Incident | undefined,
  reply: Reply,
  json: boolean,
  deps: SwitchoverDeps,
): number {
  if (reply.kind !== 'answer' || reply.status !== 200) return failed(reply, deps)
  const moved = incident?.to === to && incident.moments.confirmed !== undefined
  if (json && incident !== undefined) deps.out(`${JSON.stringify(incident)}\n`)
  if (!moved) {
    deps.err(
      `${printable(reply.body.trim())}; but this router has not seen ${to} take over from ${from}: mekare status\n`,
    )
    return EXIT.failed
  }
  if (!json && incident) deps.out(overWords(incident, deps.paint))
  return EXIT.good
}

function overWords(incident: Incident, paint: Paint): string {
  const length = incident.lasted === undefined ? 'nobody has come to write since' : lengthWords(incident)
  return `${paint.good(printable(wayWords(incident)))} ${length}\n  clients: ${printable(paidWords(incident))}\n`
}
