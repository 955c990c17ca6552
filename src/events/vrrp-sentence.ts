// What the log says of floating addresses. Knows no sink.

import type { VrrpEvent } from './event.js'
import type { Said } from './session-sentence.js'

/** The level and the sentence of an event of the sidecar. */
export function vrrpSentence(event: VrrpEvent): Said {
  switch (event.kind) {
    case 'vrrp_changed': {
      const level = event.to === 'fault' || event.why === 'late' ? 'warn' : 'info'
      return [level, `${event.name}: ${event.from} → ${event.to} (${event.why}): ${event.detail}`]
    }
    case 'vrrp_rival':
      return [
        'warn',
        `${event.name}: ${event.address} is master too, with priority ${event.priority}; it should give way to ours (${event.count} adverts so far)`,
      ]
    case 'vrrp_withheld':
      return ['info', `${event.name}: would be master, but the witness names ${event.holder}: it stays a backup`]
    case 'vrrp_witness':
      return event.silent
        ? ['warn', `${event.names.join(', ')}: the witness is silent, so VRRP alone decides: ${event.why}`]
        : ['info', `${event.names.join(', ')}: the witness answers again`]
    case 'vrrp_dropped':
      return [
        event.drop === 'vrid' ? 'debug' : 'warn',
        `${event.name}: a packet was dropped (${event.drop}): ${event.why}`,
      ]
    case 'vrrp_differs':
      return ['warn', `${event.name}: the master's addresses are not ours: ${event.why}; set both alike`]
    case 'vrrp_address':
      return addressSentence(event)
    case 'vrrp_duplicate':
      return [
        'warn',
        `${event.name}: ${event.address} is claimed by ${event.mac} too: another host still has it; traffic may go there`,
      ]
    case 'vrrp_failed':
      return ['warn', `${event.name}: ${event.why}`]
    case 'vrrp_lowered':
      return ['info', `${event.name}: priority lowered by ${event.by}${event.why && `: ${event.why}`}`]
    case 'vrrp_started':
      return ['info', `mekare ${event.version}: sidecar started on ${event.name}`]
    case 'vrrp_stopped':
      return ['info', 'stopped; no floating address is left']
    default:
      return event satisfies never
  }
}

function addressSentence({ name, address, done }: Extract<VrrpEvent, { kind: 'vrrp_address' }>): Said {
  switch (done) {
    case 'added':
      return ['info', `${name}: ${address} is here now`]
    case 'removed':
      return ['info', `${name}: ${address} is removed from this host`]
    case 'put back':
      return ['warn', `${name}: ${address} was taken away by someone else, and is put back`]
    case 'left behind':
      return ['warn', `${name}: ${address} was found left behind on this host, and is removed`]
    default:
      return done satisfies never
  }
}
