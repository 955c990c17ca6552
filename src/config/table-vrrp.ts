// The part of the table about floating addresses. Knows one key at a time; rules between keys are in rules-vrrp.ts.

import { z } from 'zod'
import { readCidrAddress, readPlainAddress } from './addresses.js'
import * as kind from './kinds.js'
import { key } from './kinds.js'

const virtual = () =>
  kind.address(readCidrAddress, 'an address with its prefix length', 'one such as 10.77.0.100/24 or fd77::100/64')
const peer = () => kind.address(readPlainAddress, 'an IP address', 'one such as 10.77.0.32')
const interfaceName = () =>
  kind.text('the name of an interface', /^[^\s/:]{1,15}$/, 'write the name of an interface, as `ip link` lists it')

const script = z.strictObject({
  command: key(
    kind.list(kind.text('a word of a command')),
    'The program by its absolute path, and its arguments, one item each: no shell reads them. It runs as the user of the sidecar.',
    { example: ['/usr/local/bin/check-host', '--quick'] },
  ),
  interval: key(kind.duration('100ms', '1h').prefault('2s'), 'From the start of one run to the start of the next.'),
  timeout: key(kind.duration('10ms', '1h').prefault('1s'), 'A run that takes longer is killed and has failed.'),
  rise: key(kind.count(1, 100).prefault('1'), 'Good runs (exit code 0) in a row that end the failure.'),
  fall: key(kind.count(1, 100).prefault('2'), 'Failed runs in a row that begin it.'),
  lower: key(
    kind.count(0, 253).prefault('0'),
    'What the failure takes off the priority; 0: it is a fault, and the addresses are given up.',
  ),
})

const track = z.strictObject({
  proxy: key(
    kind.toggle().prefault('true'),
    'Whether the addresses are held only while the proxy (`mekare run`) of this host lives: asked through `admin.socket`.',
  ),
  whenGateClosed: key(
    kind.count(0, 253).prefault('0'),
    'What a closed gate, of any cluster of this proxy, takes off the priority. Both hosts mostly see the same gate: 0 leaves the address alone.',
  ),
  whenNoEtcd: key(
    kind.count(0, 253).prefault('0'),
    'What it takes off the priority when the source (etcd, Patroni) of any cluster does not answer this proxy.',
  ),
  interfaces: key(
    kind.list(interfaceName()).prefault([]),
    'Further interfaces that must be up and connected; without one of them the addresses are given up.',
    { example: ['eth1'] },
  ),
  scripts: key(
    z.record(z.string(), script).prefault({}),
    'Commands to run, by a name of your choice, for whatever else must hold.',
  ),
})

/** A virtual router's keys. */
export const vrrp = z.strictObject({
  interface: key(interfaceName(), 'The interface that carries the addresses.', { example: 'eth0' }),
  routerId: key(
    kind.count(1, 255),
    'The VRID: the same on all hosts of these addresses, and theirs alone on the network.',
    {
      example: '51',
    },
  ),
  priority: key(
    kind.count(1, 255).prefault('100'),
    'The highest is master. High ones fail over faster: a backup waits three intervals and (256 − priority)/256 of one. 255 is for the host that has the addresses as its own; they are never taken off it.',
  ),
  version: key(
    kind.choice('3', '2').prefault('3'),
    'Of VRRP; both speak with keepalived. 2: IPv4 and whole seconds only.',
  ),
  advertInterval: key(
    kind.duration('10ms', '255s').prefault('1s'),
    'Time between adverts. Version 3: 10 ms to 40.95 s in steps of 10 ms; version 2: whole seconds, alike on all hosts.',
  ),
  addresses: key(
    kind.list(virtual()),
    'The floating addresses, all of one family; without a prefix length the address stands alone (/32, /128).',
    { example: ['10.77.0.100/24'] },
  ),
  label: key(
    kind.text('a label of at most 15 letters', /^[A-Za-z0-9._:-]{1,15}$/).exactOptional(),
    'Label of IPv4 addresses, as `ip addr` shows it; usually the interface, a colon and a word.',
    { example: 'eth0:vip' },
  ),
  peers: key(kind.list(peer()).prefault([]), 'The other hosts, for unicast adverts; empty: multicast.', {
    example: ['10.77.0.32'],
  }),
  auth: key(
    z
      .strictObject({
        type: key(kind.choice('none', 'pass').prefault('none'), '`pass`: the plain-text password of version 2.'),
        password: key(
          kind.secret().exactOptional(),
          'At most 8 bytes; in the file or the environment, never as a flag. Better is `passwordFile`. It goes over the wire as it is, so it keeps mistakes out, not people.',
        ),
        passwordFile: key(
          kind.file().exactOptional(),
          'File that holds the password; one newline at its end is taken off.',
        ),
      })
      .prefault({}),
    'Authentication of version 2.',
  ),
  checksum: key(
    kind.choice('keepalived', 'rfc9568').prefault('keepalived'),
    'The form sent by version 3 over IPv4: with a pseudo-header (keepalived) or without (RFC 9568). Both are understood.',
  ),
  preempt: key(
    kind.toggle().prefault('true'),
    'Whether the addresses are taken from a living master of lower priority. Where true, a host that comes back takes them again.',
  ),
  preemptDelay: key(kind.duration('0', '1h').prefault('0s'), 'How long such a master is left alone first.'),
  garp: key(
    z
      .strictObject({
        repeat: key(
          kind.count(1, 100).prefault('5'),
          'How often each address is announced in a round (gratuitous ARP, unsolicited neighbour advertisement).',
        ),
        again: key(kind.duration('0', '1h').prefault('5s'), 'A second round so long after the takeover; 0: none.'),
        refresh: key(kind.duration('0', '24h').prefault('60s'), 'A round every so often while master; 0: none.'),
      })
      .prefault({}),
    'How the addresses are announced.',
  ),
  virtualMac: key(
    kind.toggle().prefault('false'),
    'Whether the addresses have a MAC address of their own, the same on all hosts (00:00:5e:00:01:VRID, of IPv6 00:00:5e:00:02:VRID), on an interface of their own (macvlan): what the neighbours know of them stays true when they move.',
  ),
  syncGroup: key(
    kind
      .text('a name', /^[A-Za-z0-9._-]{1,63}$/, 'write letters, digits, dots, dashes and underscores')
      .exactOptional(),
    'Virtual routers with the same name here are master together or not at all.',
    { example: 'both' },
  ),
  witness: key(
    kind.choice('none', 'etcd').prefault('none'),
    '`etcd`: while it answers, a lease there names the only host that may hold the addresses, so that two hosts that do not hear each other are not both master. While it is silent, VRRP alone decides. The same on all hosts, and in all of a sync group.',
  ),
  witnessCluster: key(
    kind.text('the name of a cluster').exactOptional(),
    'The cluster whose etcd (`etcd.hosts`) is the witness.',
    { derived: 'the only cluster', example: 'demo' },
  ),
  track: key(track.prefault({}), 'What must hold for the addresses to be here.'),
})
