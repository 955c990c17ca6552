// One etcd endpoint as the supervisor sees it, and how it is shown. Asks nothing itself.

import type { EndpointStatus } from '../source.js'
import type { Session } from './session.js'

export interface Endpoint {
  readonly host: string
  session?: Session
  /** The mirror's revision when its read began. */
  begunAt: number
  /** Why it failed last; absent while it answers or has not been asked. */
  why?: string
}

/** Ends its session, if it has one. */
export function close(endpoint: Endpoint): void {
  endpoint.session?.close()
  delete endpoint.session
}

/** How `status` shows it. */
export function statusOf({ host, why }: Endpoint, inUse: boolean): EndpointStatus {
  if (inUse) return { name: host, state: 'in use' }
  return why === undefined ? { name: host, state: 'standing by' } : { name: host, state: 'failed', why }
}

/** Why nobody answers, in one line: once where all say the same. */
export function whySilent(endpoints: readonly Endpoint[]): string {
  const whys = endpoints.map(({ host, why }) => ({ host, why: why ?? 'no answer' }))
  const same = new Set(whys.map(({ why }) => why))
  const [one] = same
  if (one === undefined) return 'etcd.hosts is empty: name at least one endpoint'
  if (same.size === 1) return `etcd ${whys.map(({ host }) => host).join(', ')}: ${one}`
  return whys.map(({ host, why }) => `etcd ${host}: ${why}`).join('; ')
}
