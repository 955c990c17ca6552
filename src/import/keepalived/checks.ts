// keepalived's check scripts and watched processes: those that only see whether HAProxy lives become track.proxy, others
// track.scripts. And what their weights mean for a priority.

import { type Finding, key, type Line, note } from '../finding.js'
import { freeName } from '../names.js'
import { duration, keepalivedMs } from '../units.js'
import type { Block } from './blocks.js'
import { type Entry, entriesOf, linesIn, said } from './statements.js'

export interface Check {
  readonly name: string
  readonly block: Block
  /** It asks whether HAProxy lives. */
  readonly ofProxy: boolean
  readonly weight: number
  readonly reverse: boolean
}

/** Every vrrp_script and vrrp_track_process; `ports` are those HAProxy listens on. */
export function checksOf(blocks: readonly Block[], ports: readonly string[]): readonly Check[] {
  const asks = ({ line }: Block) => /^(vrrp_script|vrrp_track_process|track_process)$/.test(line.words[0] ?? '')
  return blocks.filter(asks).map(block => {
    const what = said(block, 'script') ?? said(block, 'process')
    const weight = said(block, 'weight')
    return {
      name: block.line.words[1] ?? '',
      block,
      ofProxy: asksForProxy(what?.line.words.slice(1).join(' ') ?? '', ports),
      weight: Number(weight?.value ?? 0) || 0,
      reverse: weight?.line.words.includes('reverse') ?? false,
    }
  })
}

const ASKS_A_PORT = /\b(curl|wget|nc|ncat|netcat|ss|netstat|lsof|psql|pg_isready)\b|\/dev\/tcp\//

/** By the program's name, or by a port that HAProxy listens on. */
function asksForProxy(command: string, ports: readonly string[]): boolean {
  if (/haproxy/i.test(command)) return true
  return ASKS_A_PORT.test(command) && ports.some(port => new RegExp(`(^|\\D)${port}(\\D|$)`).test(command))
}

/** A check that an instance, or its group, asks. */
export interface Asked {
  readonly check: Check
  readonly entry: Entry
  /** Its own, or that of the check. */
  readonly weight: number
  readonly reverse: boolean
}

/** The checks named in a block's track_script and track_process; what is named but not there is told. */
export function askedBy(
  block: Block | undefined,
  checks: readonly Check[],
): { readonly asked: readonly Asked[]; readonly notes: readonly Finding[] } {
  const entries = [...entriesOf(block, 'track_script'), ...entriesOf(block, 'track_process')]
  const asked: Asked[] = []
  const notes: Finding[] = []
  for (const entry of entries) {
    const check = checks.find(({ name }) => name === entry.words[0])
    const at = entry.words.indexOf('weight')
    if (check === undefined) notes.push(note('idle', entry.line, 'there is no such check; keepalived ignores it too'))
    else
      asked.push({
        check,
        entry,
        weight: at < 0 ? check.weight : Number(entry.words[at + 1]) || 0,
        reverse: entry.words.includes('reverse') || (check.reverse && !entry.words.includes('noreverse')),
      })
  }
  return { asked, notes }
}

/** The keys of the checks of one virtual router at `path`. */
export function readChecks(asked: readonly Asked[], path: string): readonly Finding[] {
  const ofProxy = asked.filter(({ check }) => check.ofProxy)
  const taken = new Set<string>()
  return [
    key(`${path}.track.proxy`, 'true', ofProxy.flatMap(linesOf), ofProxy.length === 0 ? UNASKED : PROXY),
    ...asked
      .filter(({ check }) => !check.ofProxy)
      .flatMap(one => readScript(one, `${path}.track.scripts.${freeName(one.check.name, taken)}`)),
  ]
}

const PROXY =
  'in place of the script: the proxy of this host is asked over its control socket; without it the addresses are given up within milliseconds'

const UNASKED =
  'keepalived did not look at HAProxy; mekare gives the addresses up when the proxy of this host ends (false keeps them)'

const linesOf = ({ check, entry }: Asked): readonly Line[] => [entry.head, entry.line, ...linesIn(check.block)]

const SHELL = /[|&;<>()$`*?~]/

function readScript({ check, entry, weight, reverse }: Asked, path: string): readonly Finding[] {
  const { block } = check
  const script = said(block, 'script')
  if (script === undefined)
    return [note('gone', block.line, 'processes are not watched: a script (track.scripts) can look')]
  if (reverse)
    return [note('gone', entry.line, 'a check that must fail has no counterpart: let the script say the opposite')]
  const interval = keepalivedMs(said(block, 'interval')?.value ?? '1')
  const timed = (word: string, to: string, otherwise: number | undefined) => {
    const given = said(block, word)
    const length = given === undefined ? otherwise : keepalivedMs(given.value)
    return key(
      `${path}.${to}`,
      length === undefined ? (given?.value ?? '') : duration(length),
      given === undefined ? [] : [given.line],
    )
  }
  const counted = (word: string) => {
    const given = said(block, word)
    return key(`${path}.${word}`, given?.value ?? '1', given === undefined ? [] : [given.line])
  }
  const weighed = said(block, 'weight')
  return [
    key(`${path}.command`, commandOf(script.line.words.slice(1)), [entry.head, entry.line, block.line, script.line]),
    timed('interval', 'interval', interval),
    timed('timeout', 'timeout', interval),
    counted('rise'),
    counted('fall'),
    ...(weight === 0 && weighed === undefined
      ? []
      : [
          key(`${path}.lower`, String(Math.abs(weight)), [
            entry.line,
            ...(weighed === undefined ? [] : [weighed.line]),
          ]),
        ]),
  ]
}

/** keepalived cuts a quoted command at blanks, single quotes aside; what needs a shell, or a search in PATH, gets one. */
function commandOf(words: readonly string[]): readonly string[] {
  const text = words.join(' ')
  const parts = [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, strong, plain = '']) => strong ?? plain)
  return text.startsWith('/') && !SHELL.test(text) ? parts : ['/bin/sh', '-c', text]
}

/** What the checks that succeed add to the priority. */
export const added = (asked: readonly Asked[]): number =>
  asked.reduce((sum, { weight, reverse }) => sum + (weight > 0 && !reverse ? weight : 0), 0)
