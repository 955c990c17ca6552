// Events for readers who may not know who the clients are: whoever reaches the admin address. Knows which events name one.

import type { Event } from './event.js'

/** The event with its client's address taken out, of its texts too; the same one where it names no client. */
export function withoutClient(event: Event): Event {
  if (!('client' in event)) return event
  const host = hostOf(event.client)
  const hidden = (text: string) => (host === '' ? text : text.replaceAll(host, 'a client'))
  const texts = Object.entries(event).filter(([key, value]) => key !== 'kind' && typeof value === 'string')
  return {
    ...event,
    ...Object.fromEntries(texts.map(([key, value]) => [key, hidden(String(value))])),
    client: 'a client',
  }
}

/** `10.0.0.7:41234`, `[fd00::7]:41234`; a Unix socket's client has no address. */
function hostOf(client: string): string {
  const [, v6, v4] = /^(?:\[([^\]]+)\]|([^:]+)):\d+$/.exec(client) ?? []
  return v6 ?? v4 ?? ''
}
