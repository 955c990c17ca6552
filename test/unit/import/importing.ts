// `mekare import` as a test runs it, on files and on lines, and what came of it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cli } from '../../../src/cli/cli.js'
import { loadConfig } from '../../../src/config/load.js'

export const TRANSCRIPTS = fileURLToPath(new URL('../../../../test/unit/import/transcripts', import.meta.url))

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function run(args: readonly string[]): Promise<Ran> {
  let [out, err] = ['', '']
  const never = () => {
    throw new Error('import asks for nothing else')
  }
  const code = await cli(['import', ...args], {
    version: '0',
    run: never,
    check: never,
    vrrp: never,
    demo: never,
    socketOf: never,
    out: text => (out += text),
    err: text => (err += text),
    env: {},
  })
  return { code, out, err }
}

/** Runs with this text as the file of a kind. */
export async function from(kind: 'haproxy' | 'keepalived', text: string | Buffer, ...more: string[]): Promise<Ran> {
  const dir = mkdtempSync(join(tmpdir(), 'mekare-import-'))
  const path = join(dir, `${kind}.conf`)
  writeFileSync(path, text)
  const ran = await run([`--${kind}`, path, ...more])
  rmSync(dir, { recursive: true })
  return { ...ran, err: ran.err.replaceAll(`${dir}/`, '') }
}

/** The lines of a file that say something: not blank, no comment, no brace alone. */
export const telling = (text: string): number[] =>
  text.split('\n').flatMap((line, index) => (/^[\s{}]*([#!]|$)/.test(line) ? [] : [index + 1]))

/** The lines of a file that the output names: `haproxy.cfg:3,7-9`. */
export function named(file: string, out: string): Set<number> {
  const places = out.matchAll(new RegExp(`(?<=[# ])${file.replace('.', '\\.')}:([\\d,-]+)`, 'g'))
  const runs = [...places].flatMap(([, list = '']) => list.split(','))
  return new Set(
    runs.flatMap(run => {
      const [low = '', high = low] = run.split('-')
      return Array.from({ length: Number(high) - Number(low) + 1 }, (_, i) => Number(low) + i)
    }),
  )
}

export const vanished = (file: string, text: string, out: string): number[] => {
  const there = named(file, out)
  return telling(text).filter(no => !there.has(no))
}

/** The output with its holes filled, for our loader. */
export const filled = (out: string): string =>
  out.replace(/^( *)hosts: \[\]$/gm, '$1hosts: [10.0.0.1:2379]').replace(/^( *)# (probe:|( *)user: .*)$/gm, '$1$2')

export const loaded = (text: string) =>
  loadConfig({ file: 'f', env: {}, hostname: 'h', read: path => (path === 'f' ? text : 'secret') })
