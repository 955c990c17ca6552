// The platform room's bytes: frames, headers, socket addresses, netlink messages, and the texts of errors. No call is made.

import { SocketAddress } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { newAddressBody, oldAddressBody, RTM_NEWADDR, readAddress } from '../../src/linux/address-message.js'
import { callError } from '../../src/linux/errno.js'
import { formatIp, formatMac, ipBytes, macBytes, parseIp, parseMac } from '../../src/linux/ip-address.js'
import { internetChecksum, ipv4Packet, ipv6Packet, pseudoHeader, readIpv4 } from '../../src/linux/ip-header.js'
import {
  ipv4SettingsBody,
  macvlanBody,
  namedLinkBody,
  noOwnIpv6Body,
  RTM_NEWLINK,
  readLink,
  upBody,
} from '../../src/linux/link-message.js'
import {
  arpRequest,
  neighbourAdvertisement,
  neighbourProbe,
  readAdvertisement,
  readArp,
} from '../../src/linux/neighbours.js'
import {
  attribute,
  netlinkMessage,
  readAnswer,
  readAttributes,
  readNetlink,
  readString,
  words,
} from '../../src/linux/netlink-message.js'
import { readNews } from '../../src/linux/network-watch.js'
import {
  ipSockaddr,
  ipv4Membership,
  ipv6Membership,
  linkSockaddr,
  netlinkSockaddr,
  readControls,
  sockaddrIpv6,
} from '../../src/linux/sockaddr.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'))
const MAC = macBytes('02:00:00:00:00:01')
const message = (type: number, body: Uint8Array, flags = 0) => ({ type, flags, sequence: 7, body })

t.test('an IP address survives the way to bytes and back, in the text everybody writes', async t => {
  for (const [text, written] of [
    ['10.77.0.100', '10.77.0.100'],
    ['::', '::'],
    ['::1', '::1'],
    ['FE80::0:1', 'fe80::1'],
    ['fd77:0:0:1:0:0:0:1', 'fd77:0:0:1::1'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ] as const) {
    t.equal(formatIp(ipBytes(text)), written)
  }
  fc.assert(
    fc.property(fc.ipV6(), text => {
      const bytes = ipBytes(text)
      // The platform's own writer shows mapped IPv4 with dots; the bytes are compared there.
      const canonical = new SocketAddress({ address: text, family: 'ipv6' }).address
      return hex(ipBytes(canonical)) === hex(bytes) && hex(ipBytes(formatIp(bytes))) === hex(bytes)
    }),
  )
})

t.test('what is no address is told as such', async t => {
  for (const text of ['', '10.0.0', '10.0.0.256', '10.0.0.1/24', 'fe80::1%eth0', ':::', 'eth0']) {
    t.equal(parseIp(text), undefined, text)
  }
  for (const text of ['', '02:00:00:00:00', '02-00-00-00-00-01', '02:00:00:00:00:0g'])
    t.equal(parseMac(text), undefined)
  t.throws(() => ipBytes('nonsense'), { message: '"nonsense" is no IP address: give a plain IPv4 or IPv6 address' })
  t.throws(() => macBytes('x'), /"x" is no MAC address/)
  t.equal(formatMac(macBytes('00:00:5E:00:01:33')), '00:00:5e:00:01:33')
})

t.test('the Internet checksum is that of RFC 1071, also over parts and odd lengths', async t => {
  t.equal(internetChecksum(bytesOf('0001 f203 f4f5 f6f7')), 0x220d)
  t.equal(internetChecksum(bytesOf('0001 f203'), bytesOf('f4f5 f6f7')), 0x220d)
  t.equal(internetChecksum(bytesOf('01')), 0xfeff)
  t.equal(internetChecksum(new Uint8Array(65_536).fill(0xff)), 0)
})

t.test('an IPv4 packet carries TTL 255, the mark and a checksum that sums to zero', async t => {
  const packet = {
    from: ipBytes('10.77.0.1'),
    to: ipBytes('224.0.0.18'),
    protocol: 112,
    ttl: 255,
    tos: 0xc0,
    payload: Uint8Array.of(1, 2, 3),
  }
  const bytes = ipv4Packet(packet)
  t.equal(hex(bytes.subarray(0, 10)), '45c0001700000000ff70')
  t.equal(internetChecksum(bytes.subarray(0, 20)), 0)
  t.same(readIpv4(bytes), packet)
  t.same(readIpv4(Uint8Array.from([...bytes, 0, 0, 0])), packet, 'padding is not payload')
  for (let cut = 0; cut < bytes.length; cut++) t.equal(readIpv4(bytes.subarray(0, cut)), undefined)
})

t.test('an IPv6 packet carries its class, length and hop limit', async t => {
  const [from, to] = [ipBytes('fe80::1'), ipBytes('ff02::12')]
  const bytes = ipv6Packet({ from, to, protocol: 112, ttl: 255, tos: 0xc0, payload: new Uint8Array(24) })
  t.equal(hex(bytes.subarray(0, 8)), '6c000000001870ff')
  t.equal(formatIp(bytes.slice(8, 24)), 'fe80::1')
  t.equal(formatIp(bytes.slice(24, 40)), 'ff02::12')
  t.equal(bytes.length, 64)
})

t.test('a gratuitous ARP is a broadcast request with sender and target the same', async t => {
  const address = ipBytes('10.77.0.100')
  const frame = arpRequest(MAC, address, address)
  const expected = 'ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a4d0064 000000000000 0a4d0064'
  t.equal(hex(frame), expected.replace(/\s/g, ''))
  t.same(readArp(frame), { operation: 'request', senderMac: MAC, sender: address, target: address })
  t.equal(readArp(frame.subarray(0, 41)), undefined)
  t.equal(readArp(neighbourAdvertisement(MAC, ipBytes('fd77::1'))), undefined)
})

t.test('a neighbour advertisement has the override flag, hop limit 255 and a right checksum', async t => {
  const address = ipBytes('fd77::100')
  const frame = neighbourAdvertisement(MAC, address)
  t.equal(hex(frame.subarray(0, 14)), '33330000000102000000000186dd')
  t.equal(frame[14 + 7], 255)
  const body = frame.slice(54)
  t.equal(hex(body.subarray(4, 8)), '20000000')
  t.equal(internetChecksum(pseudoHeader(address, ipBytes('ff02::1'), 58, body.length), body), 0)
  t.same(readAdvertisement(body), { target: address, mac: MAC })
  t.same(readAdvertisement(body.subarray(0, 24)), { target: address, mac: undefined })
})

t.test('an IPv6 probe asks the solicited-node group from the unspecified address', async t => {
  const frame = neighbourProbe(MAC, ipBytes('fd77::12:3456'))
  t.equal(hex(frame.subarray(0, 6)), '3333ff123456')
  t.equal(formatIp(frame.slice(22, 38)), '::')
  t.equal(formatIp(frame.slice(38, 54)), 'ff02::1:ff12:3456')
  const body = frame.slice(54)
  t.equal(internetChecksum(pseudoHeader(frame.slice(22, 38), frame.slice(38, 54), 58, 24), body), 0)
  t.equal(readAdvertisement(body), undefined)
})

t.test('socket addresses lie as the kernel wants them', async t => {
  t.equal(hex(ipSockaddr(ipBytes('10.0.0.1'), 3)), '020000000a0000010000000000000000')
  const six = ipSockaddr(ipBytes('fe80::1'), 3)
  t.equal(hex(six), '0a00000000000000fe80000000000000000000000000000103000000')
  t.same(sockaddrIpv6(six), ipBytes('fe80::1'))
  t.equal(sockaddrIpv6(ipSockaddr(ipBytes('10.0.0.1'), 3)), undefined)
  t.equal(hex(linkSockaddr(3, 0x0806)), '1100080603000000000000000000000000000000')
  t.equal(hex(netlinkSockaddr(0x111)), '100000000000000011010000')
  t.equal(hex(ipv4Membership(ipBytes('224.0.0.18'), 3)), 'e00000120000000003000000')
  t.equal(hex(ipv6Membership(ipBytes('ff02::12'), 3)), 'ff02000000000000000000000000001203000000')
})

t.test('control messages are read one after another, and a cut one ends the list', async t => {
  const one = bytesOf('1400000000000000 29000000 34000000 ff000000 00000000')
  const bytes = Uint8Array.from([...one, ...one])
  const read = { level: 41, type: 52, data: bytesOf('ff000000') }
  t.same(readControls(bytes), [read, read])
  t.same(readControls(bytes.subarray(0, 40)), [read])
  t.same(readControls(bytes.subarray(0, 20)), [read])
  t.same(readControls(new Uint8Array(32)), [])
})

t.test('an address order carries prefix, label, scope and lifetime, and reads back', async t => {
  const wanted = { address: '10.77.0.100', prefix: 24, label: 'eth0:vip', validFor: 3, preferredFor: 2 }
  const body = newAddressBody(5, wanted)
  t.equal(hex(body.subarray(0, 8)), '0218000005000000')
  t.match(readAddress(message(RTM_NEWADDR, body)), { ...wanted, index: 5, scope: 'global', tentative: false })
  const forever = { address: 'fd77::100', prefix: 128, scope: 'link', validFor: Number.POSITIVE_INFINITY } as const
  const six = newAddressBody(5, forever)
  t.match(readAddress(message(RTM_NEWADDR, six)), { ...forever, preferredFor: Number.POSITIVE_INFINITY, label: '' })
  t.equal(readAttributes(six, 8).get(8)?.[0], 0x02, 'no duplicate address detection for IPv6')
  t.equal(readAttributes(body, 8).get(8)?.[0], 0)
  t.equal(hex(oldAddressBody(5, wanted).subarray(0, 8)), '0218000005000000')
})

t.test('an address that cannot be meant is refused with its value', async t => {
  const good = { address: '10.77.0.100', prefix: 24, validFor: 3 }
  t.throws(() => newAddressBody(1, { ...good, prefix: 33 }), /10\.77\.0\.100\/33: the prefix length must be 0 to 32/)
  t.throws(() => newAddressBody(1, { ...good, validFor: 0 }), /valid 0 s/)
  t.throws(() => newAddressBody(1, { ...good, validFor: Number.NaN }), /valid NaN s/)
  t.throws(() => newAddressBody(1, { ...good, preferredFor: 4 }), /preferred 4 s/)
  t.throws(() => newAddressBody(1, { ...good, label: 'ethernet0:floating' }), /longer than 15 bytes/)
  t.throws(() => newAddressBody(1, { ...good, address: 'x' }), /"x" is no IP address/)
})

t.test('link orders lie as the kernel wants them', async t => {
  const made = macvlanBody({ name: 'vrrp51', parent: 2, mac: '00:00:5e:00:01:33', mode: 'private' })
  t.match(readLink(message(RTM_NEWLINK, made)), {
    name: 'vrrp51',
    parent: 2,
    mac: '00:00:5e:00:01:33',
    kind: 'macvlan',
  })
  t.equal(readString(readAttributes(namedLinkBody('eth0'), 16).get(3)), 'eth0')
  t.equal(hex(upBody(2, true)), '00000000020000000100000001000000')
  t.equal(hex(upBody(2, false)), '00000000020000000000000001000000')
  t.equal(hex(noOwnIpv6Body(2).subarray(16)), '10001a800c000a800500080001000000')
  t.equal(hex(ipv4SettingsBody(2, { arpIgnore: 1 }).subarray(16)), '14001a80100002800c0001000800130001000000')
})

t.test('an answer of the kernel gives the errno and its own words', async t => {
  const header = words(16, 0, 7, 0)
  const body = Uint8Array.from([...words(-1), ...header, ...attribute(1, Buffer.from('not allowed\0'))])
  t.same(readAnswer(message(2, body, 0x300)), { errno: 1, says: 'not allowed' })
  t.same(
    readAnswer(message(2, body, 0x200)),
    { errno: 1, says: 'not allowed' },
    'the whole request, here a bare header',
  )
  t.same(readAnswer(message(2, body)), { errno: 1, says: '' })
  t.same(readAnswer(message(2, words(0))), { errno: 0, says: '' })
})

t.test('netlink messages follow one another, and a cut one ends the list', async t => {
  const one = netlinkMessage({ type: 20, flags: 5, sequence: 7, body: bytesOf('010203') })
  const bytes = Uint8Array.from([...one, 0, ...one])
  const read = { type: 20, flags: 5, sequence: 7, body: bytesOf('010203') }
  t.same(readNetlink(bytes), [read, read])
  for (let cut = 0; cut < bytes.length; cut++) t.equal(readNetlink(bytes.subarray(0, cut)).length, cut < 19 ? 0 : 1)
})

t.test('nothing that a wire or a kernel could hand over makes a reader throw', async t => {
  const header = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(header, fc.integer({ min: 16, max: 22 }), (bytes, type) => {
      readNews(message(type, bytes))
      readNetlink(bytes)
      readAnswer(message(2, bytes, 0x200))
      readArp(bytes)
      readIpv4(bytes)
      readControls(bytes)
      readAdvertisement(bytes)
      sockaddrIpv6(bytes)
    }),
    { numRuns: 2000 },
  )
  t.pass('2000 random inputs')
})

t.test('an error says what, where, why and what to do', async t => {
  const put = { call: 'RTM_NEWADDR', doing: 'put 10.77.0.100/24', interface: 'eth0' }
  const denied = callError({ ...put, errno: 1, capability: 'CAP_NET_ADMIN' })
  t.match(denied, { call: 'RTM_NEWADDR', code: 'EPERM' })
  t.equal(
    denied.message,
    'put 10.77.0.100/24: RTM_NEWADDR on eth0 failed (EPERM); CAP_NET_ADMIN is missing: run as root, or grant it (AmbientCapabilities=CAP_NET_ADMIN in the systemd unit)',
  )
  t.match(callError({ ...put, errno: 1, capability: 'CAP_NET_RAW' }).message, /CAP_NET_RAW is missing/)
  t.match(
    callError({ call: 'sendto', doing: 'send it', errno: 1 }).message,
    /EPERM\); a firewall rule of this host drops it/,
  )
  t.match(callError({ ...put, errno: 19 }).message, /there is no interface eth0/)
  t.match(callError({ ...put, errno: 99 }).message, /EADDRNOTAVAIL\); no such address on eth0/)
  t.match(callError({ ...put, errno: 100 }).message, /eth0 is down: ip link set eth0 up/)
  t.match(callError({ ...put, errno: 22, kernelSays: 'bad' }).message, /\(EINVAL: bad\); the kernel refuses the value/)
  t.match(callError({ call: 'socket', doing: 'open it', errno: 97 }).message, /open it: socket failed \(EAFNOSUPPORT\)/)
  t.match(callError({ call: 'socket', doing: 'open it', errno: 4095 }).message, /errno 4095/)
})
