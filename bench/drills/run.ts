// `npm run drill -- [NAME…] [--runs N] [--outage SECONDS] [--results DIR] [--json FILE] [--list]`: runs drills on real servers and ends
// with 1 when a figure is over its bound. Verdicts come from the journals of independent observers.

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { now } from '../../test/lab/journal.js'
import { besideKeepalived } from './address/beside.js'
import { fullDisks } from './address/disk.js'
import { underLoad } from './address/load.js'
import { badReload } from './address/reload.js'
import { thawed } from './address/thaw.js'
import { demotedByOutages } from './demoted.js'
import type { Amount, Drill, Site } from './drill.js'
import { etcdFaults } from './etcd.js'
import type { Figure } from './figure.js'
import { kill, killHost } from './kill.js'
import { busyPercent, describeMachine } from './machine.js'
import { keptThroughOutages } from './outage.js'
import { pause } from './pause.js'
import { keep, publish, type Result, table } from './report.js'
import { switchovers, switchovers20 } from './switchover.js'
import { reload, restart } from './takeover.js'
import { thaw } from './thaw.js'

/** Drills on the same site stand together: they share it. */
const DRILLS: readonly Drill[] = [
  ...[switchovers, switchovers20, ...etcdFaults, kill, killHost, ...demotedByOutages],
  ...[thaw, ...keptThroughOutages, pause, reload, restart],
  ...[...besideKeepalived, thawed, badReload, fullDisks, underLoad],
]

const LOG_LINES = 60
const QUIET_PERCENT = 40

/** Answers the exit code: 0 when every figure is within its bound, 1 when not, 2 for a drill that is not there. */
async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      runs: { type: 'string' },
      outage: { type: 'string', default: '60' },
      json: { type: 'string' },
      results: { type: 'string' },
      list: { type: 'boolean' },
    },
  })
  if (values.list) {
    for (const { name, says } of DRILLS) console.log(`${name.padEnd(28)}${says}`)
    return 0
  }
  const unknown = positionals.filter(name => !DRILLS.some(drill => drill.name.startsWith(name)))
  const amount = {
    runs: values.runs === undefined ? undefined : Number(values.runs),
    outage: Number(values.outage) * 1000,
  }
  if (unknown.length > 0 || !(amount.outage > 0) || !((amount.runs ?? 1) >= 1)) {
    console.error(`no drill is named ${unknown.join(', ') || 'so'}, or a number is not one; see --list`)
    return 2
  }
  const chosen = DRILLS.filter(
    ({ name }) => positionals.length === 0 || positionals.some(each => name.startsWith(each)),
  )
  const results = await runAll(chosen, amount)
  console.log(`\n${table(results)}`)
  if (values.json !== undefined) keep(values.json, machineOf(chosen), results)
  if (values.results !== undefined) publish(values.results, fileOf(positionals), machineOf(chosen), results)
  return results.every(({ ok }) => ok) ? 0 : 1
}

/** Drills of one kind share a file, whichever of them were asked for: `drills-address`. */
const fileOf = (asked: readonly string[]) => ['drills', ...new Set(asked.map(name => name.split('-')[0]))].join('-')

/** The machine, with the versions of whatever the drills were run on. */
function machineOf(drills: readonly Drill[]): Record<string, string> {
  const sites = [...new Set(drills.map(({ site }) => site))]
  return Object.assign(describeMachine(), ...sites.map(site => site.versions()))
}

async function runAll(drills: readonly Drill[], amount: Amount): Promise<Result[]> {
  const results: Result[] = []
  let raised: Site | undefined
  for (const drill of drills) {
    // What a failed drill leaves behind is not known: the next one gets a site of its own.
    if (raised && (raised !== drill.site || results.at(-1)?.ok === false)) {
      await raised.down()
      raised = undefined
    }
    console.log(`── ${drill.name}: ${drill.says}`)
    if (!raised) await drill.site.raise()
    raised = drill.site
    results.push(await runOne(drill, amount))
  }
  await raised?.down()
  return results
}

async function runOne(drill: Drill, amount: Amount): Promise<Result> {
  const begun = now()
  const lines: string[] = []
  const say = (line: string) => {
    lines.push(line)
    console.log(`   ${line}`)
  }
  const busy = await quiet(say)
  const before = drill.site.logged().length
  let figures: readonly Figure[] = []
  let error: string | undefined
  try {
    figures = await drill.run(amount, say)
  } catch (caught) {
    error = (caught as Error).stack ?? String(caught)
  }
  const ok = error === undefined && figures.every(figure => figure.ok)
  const seconds = Math.round((now() - begun) / 1000)
  const date = new Date().toISOString()
  const result = { drill: drill.name, says: drill.says, ok, date, seconds, busy, figures, lines }
  console.log(table([error === undefined ? result : { ...result, error }]))
  if (!ok)
    console.log([error ?? '', 'mekare logged:', ...drill.site.logged().slice(before).slice(-LOG_LINES)].join('\n'))
  return error === undefined ? result : { ...result, error }
}

/** Waits up to 40 s for a machine that leaves the drill room, and tells when it does not. */
async function quiet(say: (line: string) => void): Promise<number | undefined> {
  let busy = await busyPercent()
  for (let tries = 0; tries < 30 && (busy ?? 0) > QUIET_PERCENT; tries++) {
    await sleep(300)
    busy = await busyPercent()
  }
  if ((busy ?? 0) > QUIET_PERCENT) say(`the machine is ${busy}% busy: figures may be worse than they would be`)
  return busy
}

process.exit(await main(process.argv.slice(2)))
