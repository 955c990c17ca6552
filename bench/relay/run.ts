// `node dist/bench/relay/run.js [--rounds N] [--seconds N] [--clients 1,16,64] [--idle N] [--variants] [--json FILE]`: what relaying costs.
// The contenders take turns within each round, so that a noisy machine treats them alike: read the ratios, not the figures.

import { writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Contender, end, type Ground, startForwarder, startHaproxy, startPostgres } from './contenders.js'
import { type Idle, idle } from './idle.js'
import { type Measured, output, pgbench } from './load.js'

interface Row {
  readonly clients: number
  readonly script: string
  readonly name: string
  readonly runs: readonly Measured[]
}

const SCRIPTS: Record<string, (dir: string) => readonly string[]> = {
  'select 1': dir => ['-f', join(dir, 'select1.sql')],
  'pgbench -S': () => ['-S'],
}

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      clients: { type: 'string', default: '1,16,64' },
      idle: { type: 'string', default: '2000' },
      variants: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  })
  const clients = values.clients.split(',').map(Number)
  const [rounds, seconds, idles] = [Number(values.rounds), Number(values.seconds), Number(values.idle)]
  if (![...clients, rounds, seconds].every(n => n > 0) || !(idles >= 0)) {
    console.error('numbers above 0 are wanted: --rounds 3 --seconds 3 --clients 1,16,64 --idle 2000')
    return 2
  }
  const ground = await startPostgres()
  const contenders = [ground.postgres]
  try {
    await startAll(ground, values.variants, contenders)
    const rows = await measure(ground, contenders, { clients, rounds, seconds })
    const atRest = idles > 0 ? await measureIdle(ground, idles) : []
    console.log(`\n${throughputTable(rows)}\n\n${idleTable(atRest)}`)
    const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version }
    if (values.json)
      writeFileSync(values.json, `${JSON.stringify({ date: new Date(), machine, rows, atRest }, null, 1)}\n`)
    return 0
  } finally {
    for (const { child } of contenders) await end(child)
    await ground.stop()
  }
}

/** Adds each as it runs, so that the caller ends them when a later one does not start. */
async function startAll({ dir, postgres }: Ground, variants: boolean, all: Contender[]): Promise<void> {
  const next = (() => {
    let port = postgres.port
    return () => ++port
  })()
  const ours = [{ engine: 'net' }, { engine: 'native' }] as const
  const more = variants
    ? ([
        { engine: 'native', threads: 2 },
        { engine: 'native', spin: 50 },
      ] as const)
    : []
  all.push(await startHaproxy(dir, next(), postgres.port))
  for (const one of [...ours, ...more]) all.push(await startForwarder(one, next(), postgres.port))
}

interface Amount {
  readonly clients: readonly number[]
  readonly rounds: number
  readonly seconds: number
}

async function measure(
  { dir, bin, postgres }: Ground,
  contenders: readonly Contender[],
  amount: Amount,
): Promise<Row[]> {
  writeFileSync(join(dir, 'select1.sql'), 'select 1;\n')
  await output(join(bin, 'pgbench'), [
    '-h',
    '127.0.0.1',
    '-p',
    String(postgres.port),
    '-U',
    'postgres',
    '-i',
    '-q',
    '-s',
    '5',
    'postgres',
  ])
  const rows: Row[] = []
  for (const [script, args] of Object.entries(SCRIPTS))
    for (const clients of amount.clients) {
      const runs = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]))
      for (let round = 0; round < amount.rounds; round++)
        for (const contender of rotated(contenders, round)) {
          const run = await pgbench(bin, args(dir), contender, clients, amount.seconds)
          runs.get(contender.name)?.push(run)
          console.log(
            `${script}, ${clients} clients, round ${round + 1}, ${contender.name}: ${Math.round(run.tps)} tps`,
          )
        }
      for (const [name, all] of runs) rows.push({ script, clients, name, runs: all })
    }
  return rows
}

/** Each round begins with another one: nobody always follows the same neighbour's heat. */
const rotated = <T>(all: readonly T[], by: number): T[] => [
  ...all.slice(by % all.length),
  ...all.slice(0, by % all.length),
]

async function measureIdle({ dir, postgres }: Ground, sessions: number): Promise<Idle[]> {
  const port = postgres.port + 100
  const results = [await idle(target => startHaproxy(dir, port, target), sessions)]
  for (const engine of ['net', 'native'] as const)
    results.push(await idle(target => startForwarder({ engine }, port + results.length, target), sessions))
  return results
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Ratios are taken within a round, against the same round's HAProxy; the median of those is shown with its spread. */
function throughputTable(rows: readonly Row[]): string {
  const head =
    '| script | clients | what | tps | ratio to HAProxy (spread) | machine µs/tx | relay µs/tx |\n|---|---|---|---|---|---|---|'
  const lines = rows.map(({ script, clients, name, runs }) => {
    const rival = rows.find(row => row.script === script && row.clients === clients && row.name === 'haproxy')
    const ratios = runs.map((run, i) => run.tps / (rival?.runs[i]?.tps ?? Number.NaN))
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
    const shown = (of: (run: Measured) => number, digits: number) => median(runs.map(of)).toFixed(digits)
    const figures = [shown(run => run.tps, 0), `${median(ratios).toFixed(2)} (${spread})`]
    return `| ${[script, clients, name, ...figures, shown(run => run.machineCpu, 1), shown(run => run.relayCpu, 1)].join(' | ')} |`
  })
  return [head, ...lines].join('\n')
}

function idleTable(all: readonly Idle[]): string {
  const head = '| what | idle sessions | resident bytes each | heap bytes each | CPU at rest |\n|---|---|---|---|---|'
  const lines = all.map(({ name, sessions, perSession, heapPerSession, restCpu }) => {
    const heap = heapPerSession === undefined ? '' : Math.round(heapPerSession)
    return `| ${name} | ${sessions} | ${Math.round(perSession)} | ${heap} | ${restCpu.toFixed(2)} % |`
  })
  return [head, ...lines].join('\n')
}

process.exitCode = await main(process.argv.slice(2))
