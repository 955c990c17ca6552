// IP addresses: how they are read, written and ordered.

import t from 'tap'
import { compareIp, formatIp, parseIp } from '../../src/units/ip.js'
import { ip } from './ip-words.js'

t.test('addresses are read and written as RFC 5952 says', async t => {
  const same = ['0.0.0.0', '10.77.0.100', '255.255.255.255', '::', '::1', 'fe80::1', '2001:db8::1:0:0:1', 'ff02::12']
  for (const text of [...same, '1:2:3:4:5:6:7:8', 'fd99:0:0:1::', '1:0:2:3:4:5:6:7']) t.equal(formatIp(ip(text)), text)
  t.equal(formatIp(ip('2001:DB8:0:0:1:0:0:1')), '2001:db8::1:0:0:1', 'the first of two equal runs')
  const wrong = [
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.1.2',
    ':',
    ':::',
    '1:2',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    'x',
  ]
  for (const text of [...wrong, '1:2:3:4:5:6:7::8', 'fe80::1%eth0']) t.equal(parseIp(text), undefined, text)
})

t.test('addresses are ordered as unsigned integers in network byte order (RFC 9568, 6.4.3)', async t => {
  t.ok(compareIp(ip('10.0.0.2'), ip('10.0.0.10')) < 0)
  t.ok(compareIp(ip('200.0.0.1'), ip('10.0.0.1')) > 0)
  t.ok(compareIp(ip('fe80::ff'), ip('fe80::1:0')) < 0)
  t.equal(compareIp(ip('::1'), ip('0:0::1')), 0)
})
