// TLS with client certificates, and what is said of a foreign authority, a missing certificate and plain HTTP.

import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { end, freePort, home, launch, run } from './etcd.js'
import { config, listen, silent } from './listener.js'

export async function clientCertificates(t: Test): Promise<void> {
  const tls = join(home, 'tls')
  mkdirSync(tls)
  const openssl = (...args: readonly string[]) => run('openssl', args, { cwd: tls })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  for (const ca of ['ca', 'other']) {
    await openssl('req', '-x509', ...key, '-keyout', `${ca}.key`, '-out', `${ca}.crt`, '-subj', `/CN=${ca}`)
  }
  await openssl('req', ...key.slice(0, -2), '-keyout', 'm.key', '-out', 'm.csr', '-subj', '/CN=mekare')
  await writeFile(join(tls, 'ext'), 'subjectAltName=DNS:localhost,IP:127.77.1.6')
  const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'ext']
  await openssl('x509', '-req', '-in', 'm.csr', '-out', 'm.crt', ...sign)
  const [ca, cert, key2, other] = ['ca.crt', 'm.crt', 'm.key', 'other.crt'].map(file => join(tls, file))
  if (!ca || !cert || !key2 || !other) throw new Error('no files')
  const url = `https://127.77.1.6:${await freePort('127.77.1.6')}`
  const peer = `http://127.77.1.9:${await freePort('127.77.1.9')}`
  const server = ['--cert-file', cert, '--key-file', key2, '--trusted-ca-file', ca, '--client-cert-auth']
  const peers = ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `tls=${peer}`]
  const etcd = launch('tls', url, [...server, ...peers])
  const right = listen(config([url], { ca, cert, key: key2 }))
  await right.until('an answer', news => news.kind === 'topology')
  const foreign = listen(config([url], { ca: other, cert, key: key2 }))
  const without = listen(config([url], { ca }))
  const plain = listen(config([url.replace('https:', 'http:')]))
  await Promise.all([foreign, without, plain].map(listener => listener.until('silence', silent)))
  t.match(foreign.source.status().why, /not signed by the given authority; correct etcd.ca/)
  for (const listener of [without, plain]) t.comment(listener.source.status().why)
  t.match(plain.source.status().why, /it wants TLS; if so, write https/)
  await Promise.all([right, foreign, without, plain].map(listener => listener.stop()))
  await end(etcd)
}
