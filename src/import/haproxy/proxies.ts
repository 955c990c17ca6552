// HAProxy's proxies (listen, frontend, backend) with what they inherit from their defaults section. Knows how settings override
// one another, not what they mean.

import { begins, type Line } from '../finding.js'
import type { Section } from './sections.js'

export interface ProxySection {
  readonly kind: string
  readonly name: string
  readonly head: Line
  /** What its defaults say, then its own. */
  readonly lines: readonly Line[]
}

/** The proxies, in the order of the file. */
export function proxiesOf(sections: readonly Section[]): readonly ProxySection[] {
  return sections
    .filter(({ kind }) => /^(listen|frontend|backend)$/.test(kind))
    .map(section => ({ ...section, lines: [...inherited(section, sections), ...section.lines] }))
}

/** Named with `from`, or the last defaults before it. A defaults section inherits only where it says so. */
function inherited(section: Section, sections: readonly Section[]): readonly Line[] {
  const before = sections.slice(0, sections.indexOf(section)).filter(({ kind }) => kind === 'defaults')
  const { words } = section.head
  const from = words.indexOf('from', 1)
  const parent =
    from > 0
      ? before.findLast(({ name }) => name === words[from + 1])
      : section.kind === 'defaults'
        ? undefined
        : before.at(-1)
  return parent === undefined ? [] : [...inherited(parent, sections), ...parent.lines]
}

/** The line that sets it: the last one counts. Words of the keyword as they stand: `timeout`, `client`. */
export function setting(proxy: ProxySection, ...words: readonly string[]): Line | undefined {
  return proxy.lines.findLast(line => begins(line, ...words))
}

/** The same for what can be taken back by `no` or `default` in front. */
export function option(proxy: ProxySection, name: string): Line | undefined {
  const last = proxy.lines.findLast(
    line =>
      begins(line, 'option', name) || begins(line, 'no', 'option', name) || begins(line, 'default', 'option', name),
  )
  return last?.words[0] === 'option' ? last : undefined
}

/** Whether it speaks HTTP, and so forwards no PostgreSQL. TCP where nothing is said. */
export const isHttp = (proxy: ProxySection): boolean => setting(proxy, 'mode')?.words[1] === 'http'

/** Whether it is switched off by a line of its own or of its defaults. */
export const isDisabled = (proxy: ProxySection): boolean =>
  proxy.lines.findLast(({ words: [word = ''] }) => word === 'disabled' || word === 'enabled')?.words[0] === 'disabled'
