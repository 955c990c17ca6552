// Who may connect: HAProxy's tcp-request rules on the client's address → `allow`. Understands lists of those let in, no others.

import { type Finding, key, type Line, note } from '../finding.js'
import { conditionOf, membership } from './conditions.js'
import type { ProxySection } from './proxies.js'

const LISTS = 'only a list of addresses that are let in (allow) has a counterpart; refuse others in the firewall'

/** The key `allow` of a listener, where the rules let in a list and reject the rest. */
export function readAccess(proxy: ProxySection, path: string): readonly Finding[] {
  const let_in: string[] = []
  const from: Line[] = []
  const notes: Finding[] = []
  for (const line of proxy.lines) {
    const [keyword, , action = ''] = line.words
    if (keyword !== 'tcp-request' || !/^(accept|reject|silent-drop)$/.test(action)) continue
    const condition = conditionOf(line, proxy)
    const asked = condition && membership(condition, 'src')
    if (condition === undefined || (!condition.always && asked === undefined))
      notes.push(note('gone', line, whyNot(line, proxy)))
    else if (action === 'accept' && condition.always) break
    else if (action === 'accept' && asked?.inside) {
      let_in.push(...asked.values)
      from.push(...condition.from)
    } else if (action !== 'accept' && !asked?.inside) {
      return [...notes, key(`${path}.allow`, [...let_in, ...(asked?.values ?? [])], [...from, ...condition.from])]
    } else notes.push(note('gone', line, LISTS))
  }
  return [
    ...notes,
    ...from.map(line => note('idle', line, 'nobody is rejected after it, so it lets in whom the rest lets in too')),
  ]
}

/** A list kept in a file is told apart: it only has to be copied. */
function whyNot(line: Line, proxy: ProxySection): string {
  const names = new Set(line.words.map(word => word.replace(/^!+/, '')))
  const acls = proxy.lines.filter(({ words }) => words[0] === 'acl' && names.has(words[1] ?? ''))
  const words = [line, ...acls].flatMap(one => one.words)
  return words.includes('-f')
    ? `its addresses stand in ${words[words.indexOf('-f') + 1]}: write them into allow`
    : LISTS
}
