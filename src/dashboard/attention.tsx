// The answer to the first question at night: whether clients get through, and what is wrong.

import type { Status } from '../pools/status.js'
import { Mark } from './mark.js'
import { mattersOf, throughWords } from './matters.js'

export function Attention({ status }: { readonly status: Status }) {
  const matters = mattersOf(status)
  const through = throughWords(status)
  const worst = matters[0]?.tone ?? 'good'
  return (
    <ul class={`attention ${worst}`} aria-label="whether clients get through, and what is wrong">
      {matters.map(({ tone, what, why }) => (
        <li key={`${what} ${why}`}>
          <Mark tone={tone}>
            <b>{what}</b>
          </Mark>
          : {why}
        </li>
      ))}
      {through.length > 0 && (
        <li>
          <Mark tone="good">{matters.length === 0 ? <b>nothing is wrong</b> : <b>well</b>}</Mark>: {through.join('; ')}
        </li>
      )}
    </ul>
  )
}
