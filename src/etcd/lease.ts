// The calls that concern leases and one key under a lease, as etcd's API has them. Each fails with etcd's own words. Decides nothing.

import { randomBytes } from 'node:crypto'
import type { IKeyValue } from 'etcd3'
import type { Connection } from './connection.js'

/** How long any of these calls may take, in ms. */
export const DEADLINE = 700

/** An ID of our choice: the same grant asked of two endpoints side by side is one lease. Positive, 63 bits. */
export function newLeaseId(): string {
  return String(randomBytes(8).readBigUInt64BE() >> 1n || 1n)
}

/** Grants it for `seconds`, or for the least that etcd grants (2 s with its default election timeout). Granted before: nothing. */
export async function grantLease({ client, options }: Connection, id: string, seconds: number): Promise<void> {
  await client.leaseClient
    .leaseGrant({ ID: id, TTL: seconds }, await options(DEADLINE))
    .catch(passOver(/lease already exists/i))
}

/** Renews it; false where it has ended. */
export async function keepLease({ client, options }: Connection, id: string): Promise<boolean> {
  const stream = await client.leaseClient.leaseKeepAlive(await options(DEADLINE))
  return new Promise((resolve, reject) => {
    stream.on('data', ({ TTL }) => {
      resolve(Number(TTL) > 0)
      stream.end()
    })
    // Stays attached: the end of a stream may be told as an error too.
    stream.on('error', reject)
    stream.on('end', () => reject(new Error('the keep-alive ended without an answer')))
    stream.write({ ID: id })
  })
}

/** Ends it, and with it every key under it. One that has ended: nothing. */
export async function revokeLease({ client, options }: Connection, id: string): Promise<void> {
  await client.leaseClient.leaseRevoke({ ID: id }, await options(DEADLINE)).catch(passOver(/lease not found/i))
}

/** A linearizable read of one key, or of the keys up to `range_end`. */
export async function readKeys(
  { client, options }: Connection,
  range: { readonly key: Buffer; readonly range_end?: Buffer },
): Promise<{ readonly revision: number; readonly entries: readonly IKeyValue[] }> {
  const { header, kvs } = await client.kv.range(range, await options(DEADLINE))
  return { revision: Number(header.revision), entries: kvs }
}

/** Writes a new value over an entry under its lease, unless the key has changed since it was read. */
export async function replaceValue(
  { client, options }: Connection,
  { key, mod_revision, lease }: IKeyValue,
  value: string,
): Promise<void> {
  const request = {
    compare: [{ key, target: 'Mod' as const, result: 'Equal' as const, mod_revision }],
    success: [{ request_put: { key, value: Buffer.from(value), lease } }],
  }
  await client.kv.txn(request, await options(DEADLINE))
}

/** Puts it where nobody has; gives the entry of whoever has, undefined when it was put. */
export async function putIfAbsent(
  { client, options }: Connection,
  key: Buffer,
  value: string,
  lease: string,
): Promise<IKeyValue | undefined> {
  const request = {
    compare: [{ key, target: 'Create' as const, result: 'Equal' as const, create_revision: 0 }],
    success: [{ request_put: { key, value: Buffer.from(value), lease } }],
    failure: [{ request_range: { key } }],
  }
  const { succeeded, responses } = await client.kv.txn(request, await options(DEADLINE))
  if (succeeded) return undefined
  return responses[0]?.response_range.kvs[0]
}

function passOver(expected: RegExp): (error: Error) => void {
  return error => {
    if (!expected.test(error.message)) throw error
  }
}
