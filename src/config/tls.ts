// TLS material from the configuration. A value may be the path of a file or the PEM text itself.

import { readFileSync } from 'node:fs'
import type { TlsFiles } from './shape.js'

export interface TlsMaterial {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

/** Reads the files that are given; an unreadable one throws an error that names it. */
export function readTls(files: TlsFiles): TlsMaterial {
  const { ca, cert, key } = files
  return {
    ...(ca && { ca: pem('ca', ca) }),
    ...(cert && { cert: pem('cert', cert) }),
    ...(key && { key: pem('key', key) }),
  }
}

function pem(name: string, value: string): Buffer {
  if (value.includes('-----BEGIN')) return Buffer.from(value)
  try {
    return readFileSync(value)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new Error(`${name}: cannot read ${value} (${code}); give the path of a PEM file that this user may read`)
  }
}
