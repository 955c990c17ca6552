// Makes a certificate authority, one server certificate for every address of a stand, and a client certificate (CN=cert_app),
// with the openssl program. Knows files, no server.

import { execFile } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Owner } from './ground.js'

const run = promisify(execFile)

export interface Certs {
  readonly ca: string
  /** Of the servers, readable by PostgreSQL only. */
  readonly cert: string
  readonly key: string
  /** The same pair for programs that run as this process's user. */
  readonly ownKey: string
  readonly clientCert: string
  readonly clientKey: string
}

/** The name every server certificate carries besides the addresses: for `sslmode=verify-full` by name. */
export const SERVER_NAME = 'db.mekare.test'

/** Writes the certificates into `dir`, valid for a day and for all `addresses`. */
export async function makeCerts(dir: string, addresses: readonly string[], owner: Owner | undefined): Promise<Certs> {
  mkdirSync(dir, { recursive: true })
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir })
  await openssl('req', '-x509', '-nodes', ...newKey('ca'), '-days', '2', '-subj', '/CN=mekare stand', '-out', 'ca.crt')
  const names = [`DNS:${SERVER_NAME}`, 'DNS:localhost', ...addresses.map(address => `IP:${address}`)]
  await issue(dir, 'server', SERVER_NAME, names)
  await issue(dir, 'client', 'cert_app', ['DNS:client'])
  await openssl('pkey', '-in', 'server.key', '-out', 'own.key')
  for (const key of ['ca.key', 'server.key', 'own.key', 'client.key']) chmodSync(join(dir, key), 0o600)
  if (owner) chownSync(join(dir, 'server.key'), owner.uid, owner.gid)
  const at = (file: string) => join(dir, file)
  return {
    ca: at('ca.crt'),
    cert: at('server.crt'),
    key: at('server.key'),
    ownKey: at('own.key'),
    clientCert: at('client.crt'),
    clientKey: at('client.key'),
  }
}

const newKey = (name: string) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', `${name}.key`]

async function issue(dir: string, name: string, subject: string, names: readonly string[]): Promise<void> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir })
  writeFileSync(join(dir, `${name}.ext`), `subjectAltName=${names.join(',')}\n`)
  await openssl('req', '-nodes', ...newKey(name), '-subj', `/CN=${subject}`, '-out', `${name}.csr`)
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1', '-extfile', `${name}.ext`]
  await openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.crt`)
}
