// The command line of `npm run bench`, read into what to do. Knows flags; starts nothing.

import { parseArgs } from 'node:util'
import type { Network } from '../test/lab/network.js'
import type { Amount } from './scenario.js'

export interface Options {
  /** Beginnings of scenarios' names; none means all. */
  readonly names: readonly string[]
  readonly amount: Amount
  readonly network: Network['kind']
  /** Measure these and no others. */
  readonly only: readonly string[] | undefined
  /** Measure these too. */
  readonly more: readonly string[]
  readonly list: boolean
  readonly help: boolean
  /** Directory in which results are kept: measurements as JSON, tables as a Markdown page, plots as SVG. */
  readonly results: string | undefined
  /** Measure nothing: write page and plots again from the measurements there. */
  readonly redraw: boolean
}

export type Parsed = { readonly ok: true; readonly options: Options } | { readonly ok: false; readonly why: string }

export const USAGE = `npm run bench -- [SCENARIO…] [--quick] [--rounds N] [--seconds N] [--clients N,N] [--only NAME,…] [--with NAME,…]
                [--network loopback|namespaces] [--results DIR [--redraw]] [--list] [--help]`

/** What a run does when nothing is said, in full and with --quick. */
const FULL = { rounds: '5', seconds: '2' }
const QUICK = { rounds: '1', seconds: '1' }

const FLAGS = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  clients: { type: 'string' },
  only: { type: 'string' },
  with: { type: 'string' },
  network: { type: 'string', default: 'loopback' },
  results: { type: 'string' },
  redraw: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

export function parseOptions(argv: readonly string[]): Parsed {
  const raw = attempt(argv)
  if (typeof raw === 'string') return { ok: false, why: raw }
  const { values, positionals } = raw
  const base = values.quick ? QUICK : FULL
  const numbers = { rounds: values.rounds ?? base.rounds, seconds: values.seconds ?? base.seconds }
  const clients = list(values.clients)
  const wrong = [
    ...Object.entries(numbers).flatMap(([name, text]) => (isCount(text) ? [] : [`--${name} ${text}`])),
    ...(clients ?? []).flatMap(text => (isCount(text) ? [] : [`--clients ${text}`])),
  ]
  if (wrong.length > 0) return { ok: false, why: `${wrong.join(', ')}: a whole number above 0 is wanted` }
  const { network } = values
  if (network !== 'loopback' && network !== 'namespaces')
    return { ok: false, why: `--network ${network}: it is loopback or namespaces (the latter as root)` }
  const amount = {
    rounds: Number(numbers.rounds),
    seconds: Number(numbers.seconds),
    clients: clients?.map(Number),
    quick: values.quick,
  }
  const what = { names: positionals, amount, network, only: list(values.only), more: list(values.with) ?? [] } as const
  const { results, redraw } = values
  if (redraw && results === undefined) return { ok: false, why: '--redraw: say where results lie with --results DIR' }
  return { ok: true, options: { ...what, list: values.list, help: values.help, results, redraw } }
}

function attempt(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: FLAGS })
  } catch (error) {
    return (error as Error).message
  }
}

/** pgbench counts whole seconds. */
const isCount = (text: string) => /^[1-9]\d*$/.test(text)

const list = (text: string | undefined): string[] | undefined => text?.split(',').filter(each => each !== '')
