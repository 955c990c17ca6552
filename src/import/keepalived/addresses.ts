// The addresses of a vrrp_instance.

import { type Finding, hole, key, note } from '../finding.js'
import type { Block } from './blocks.js'
import { type Entry, entriesOf, said } from './statements.js'

export interface Addresses {
  readonly family: 4 | 6
  readonly findings: readonly Finding[]
}

const familyOf = ({ words }: Entry): 4 | 6 => (words[0]?.includes(':') ? 6 : 4)

/** `virtual_ipaddress` with what stands behind each address, and those excluded from adverts. */
export function readAddresses(block: Block, path: string): Addresses {
  const all = entriesOf(block, 'virtual_ipaddress')
  const [first] = all
  if (first === undefined)
    return {
      family: 4,
      findings: [hole(`${path}.addresses`, [], 'fill in: the addresses that float', [block.line]), ...excluded(block)],
    }
  const family = familyOf(first)
  const ours = all.filter(entry => familyOf(entry) === family)
  const strangers = all.filter(entry => familyOf(entry) !== family)
  const link = said(block, 'interface')?.value
  return {
    family,
    findings: [
      key(
        `${path}.addresses`,
        ours.map(({ words }) => words[0] ?? ''),
        ours.flatMap(({ head, line }) => [head, line]),
      ),
      ...readLabels(ours, path),
      ...ours.flatMap(entry => behind(entry, link)),
      ...strangers.map(({ line }) => note('idle', line, 'keepalived ignores an address of the other family here')),
      ...excluded(block),
    ],
  }
}

function readLabels(entries: readonly Entry[], path: string): readonly Finding[] {
  const labels = entries.flatMap(({ words, line }) =>
    words.includes('label') ? [{ label: words[words.indexOf('label') + 1] ?? '', line }] : [],
  )
  const [first] = labels
  if (first === undefined) return []
  const others = labels.filter(({ label }) => label !== first.label)
  return [
    key(
      `${path}.label`,
      first.label,
      labels.filter(({ label }) => label === first.label).map(({ line }) => line),
    ),
    ...others.map(({ label, line }) =>
      note('gone', line, 'all addresses of a virtual router have one label', `label ${label}`),
    ),
  ]
}

const TAKES_ONE = /^(dev|label|scope|brd|broadcast|peer|preferred_lft)$/
const NO_MATTER = /^(scope|brd|broadcast|no_track|nodad|-nodad|home)$/

/** The words behind an address, label aside. */
function behind({ words, line }: Entry, link: string | undefined): readonly Finding[] {
  const notes: Finding[] = []
  for (let i = 1; i < words.length; i++) {
    const word = words[i] ?? ''
    const value = TAKES_ONE.test(word) ? words[++i] : undefined
    if (word === 'label' || (word === 'dev' && value === link)) continue
    const part = value === undefined ? word : `${word} ${value}`
    if (word === 'dev')
      notes.push(note('gone', line, 'addresses are put on the interface that adverts go through', part))
    else notes.push(note(NO_MATTER.test(word) ? 'idle' : 'gone', line, 'addresses are put there as they are', part))
  }
  return notes
}

const EXCLUDED =
  'adverts name every address, and keepalived refuses adverts with more than it knows; once every host runs mekare, add it to addresses (or, of the other family, to a virtual router of its own in the same syncGroup)'

const excluded = (block: Block): readonly Finding[] =>
  entriesOf(block, 'virtual_ipaddress_excluded').flatMap(({ head, line }) => [
    note('idle', head, 'see its addresses'),
    note('gone', line, EXCLUDED),
  ])
