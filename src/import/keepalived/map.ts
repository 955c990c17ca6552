// keepalived's configuration as findings: virtual routers, what they track, and a word on every other line.

import { type Finding, type Line, note, type Source, type Unreadable } from '../finding.js'
import { freeName } from '../names.js'
import { explain, linesOf, type Rules, ruleFor } from '../rules.js'
import { type Block, readBlocks } from './blocks.js'
import { checksOf } from './checks.js'
import type { Means } from './definitions.js'
import { readInstance, type Surroundings } from './instances.js'
import { GLOBAL, INSTANCE, SCRIPT, SYNC_GROUP, TOP } from './keywords.js'
import { entriesOf } from './statements.js'

export interface FromKeepalived {
  readonly routers: number
  readonly findings: readonly Finding[]
}

/** Reads files of keepalived. `ports` are those that HAProxy listens on: a check of one of them is a check of HAProxy. */
export function readKeepalived(
  sources: readonly Source[],
  means: Means,
  ports: readonly string[],
): FromKeepalived | Unreadable {
  const blocks: Block[] = []
  const findings: Finding[] = []
  for (const source of sources) {
    const read = readBlocks(source, means)
    if ('unreadable' in read) return read
    const stranger = strangeness(read.blocks)
    if (stranger !== undefined) return stranger
    blocks.push(...read.blocks)
    findings.push(...read.notes)
  }
  const instances = of(blocks, 'vrrp_instance')
  findings.push(...readInstances(blocks, instances, ports))
  const told = linesOf(findings)
  return { routers: instances.length, findings: [...findings, ...restOf(blocks, TOP, told)] }
}

const of = (blocks: readonly Block[], kind: string) => blocks.filter(({ line }) => line.words[0] === kind)

/** A file in which nothing is keepalived's. */
function strangeness(blocks: readonly Block[]): Unreadable | undefined {
  const [first] = blocks
  if (first === undefined || blocks.some(({ line }) => Object.hasOwn(TOP, line.words[0] ?? ''))) return undefined
  const word = first.line.words[0] ?? ''
  const haproxy = /^(global|defaults|listen|frontend|backend)$/.test(word)
  const remedy = haproxy
    ? "is HAProxy's; give this file with --haproxy"
    : 'is nothing that keepalived knows, so this is no configuration of it'
  return { unreadable: `${first.line.file}:${first.line.no}: ${JSON.stringify(word.slice(0, 40))} ${remedy}` }
}

function readInstances(
  blocks: readonly Block[],
  instances: readonly Block[],
  ports: readonly string[],
): readonly Finding[] {
  const taken = new Set<string>()
  const checks = checksOf(blocks, ports)
  const [global] = of(blocks, 'global_defs')
  const groups = of(blocks, 'vrrp_sync_group')
  const alone = groups.filter(group => membersOf(group, instances).length < 2)
  return [
    ...alone.flatMap(group =>
      [group.line, ...entriesOf(group, 'group').flatMap(({ head, line }) => [head, line])].map(line =>
        note('gone', line, 'has fewer than two members here'),
      ),
    ),
    ...instances.flatMap(instance => {
      const group = groups.find(one => !alone.includes(one) && membersOf(one, instances).includes(instance))
      const around: Surroundings = { global, checks, group: group === undefined ? undefined : groupOf(group) }
      return readInstance(instance, freeName(instance.line.words[1] ?? '', taken), around)
    }),
  ]
}

const membersOf = (group: Block, instances: readonly Block[]): readonly Block[] => {
  const names = entriesOf(group, 'group').flatMap(({ words }) => words)
  return instances.filter(({ line }) => names.includes(line.words[1] ?? ''))
}

function groupOf(block: Block): NonNullable<Surroundings['group']> {
  const members = entriesOf(block, 'group')
  const name = (block.line.words[1] ?? '').replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 63)
  return { block, name, from: [block.line, ...members.flatMap(({ head, line }) => [head, line])] }
}

/** The tables for what stands in a block. */
const INSIDE: Readonly<Record<string, Rules>> = {
  global_defs: GLOBAL,
  vrrp_instance: INSTANCE,
  vrrp_sync_group: SYNC_GROUP,
  vrrp_script: SCRIPT,
}

/** A word on every statement that no reader has taken up. */
function restOf(blocks: readonly Block[], rules: Rules, told: ReadonlySet<Line>): readonly Finding[] {
  return blocks.flatMap(({ line, body = [] }) => {
    const word = line.words[0] ?? ''
    const rule = ruleFor(word, rules)
    const own = told.has(line) ? [] : [explain(line, rule)]
    const inside = Object.hasOwn(INSIDE, word) ? INSIDE[word] : undefined
    if (inside !== undefined) return [...own, ...restOf(body, inside, told)]
    return [...own, ...leftIn(body, told).map(left => explain(left, ruleFor(left.words[0] ?? '', rules) ?? rule))]
  })
}

const leftIn = (body: readonly Block[], told: ReadonlySet<Line>): readonly Line[] =>
  body.flatMap(({ line, body: deeper = [] }) => [...(told.has(line) ? [] : [line]), ...leftIn(deeper, told)])
