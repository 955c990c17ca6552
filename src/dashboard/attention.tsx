// What is not as it should be, in one list under the glance: for who has just been woken.

import type { ClusterStatus, ListenerStatus } from '../pools/status.js'
import { Mark, type Tone } from './mark.js'

interface AttentionProps {
  readonly cluster: ClusterStatus
  /** Those of this cluster. */
  readonly listeners: readonly ListenerStatus[]
}

interface Matter {
  readonly tone: Tone
  readonly what: string
  readonly why: string
}

export function Attention({ cluster, listeners }: AttentionProps) {
  const matters = mattersOf(cluster, listeners)
  if (matters.length === 0) return null
  return (
    <ul class="attention" aria-label={`what is wrong in ${cluster.name}`}>
      {matters.map(({ tone, what, why }) => (
        <li key={`${what} ${why}`}>
          <Mark tone={tone}>
            <b>{what}</b>
          </Mark>
          : {why}
        </li>
      ))}
    </ul>
  )
}

function mattersOf({ members, problems }: ClusterStatus, listeners: readonly ListenerStatus[]): readonly Matter[] {
  return [
    ...listeners
      .filter(({ ready }) => !ready)
      .map(({ name, why }): Matter => ({ tone: 'bad', what: `${name} takes no clients`, why })),
    ...members
      .filter(({ healthy }) => !healthy)
      .map(({ name, health }): Matter => ({ tone: 'bad', what: name, why: health })),
    ...members
      .filter(({ healthy, drained }) => healthy && drained)
      .map(({ name }): Matter => ({ tone: 'odd', what: name, why: 'drained by an operator' })),
    ...problems.map((why): Matter => ({ tone: 'odd', what: 'topology', why })),
  ]
}
