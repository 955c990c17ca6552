// The things compared: one PostgreSQL, and what may stand before it. Each is a child process on a loopback port of its own.
// HAProxy at its best: splice, one thread, no log.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findPostgres, findProgram } from '../../test/lab/programs.js'

export interface Contender {
  readonly name: string
  readonly port: number
  /** Undefined: nothing stands before PostgreSQL. */
  readonly child?: ChildProcess
}

export interface Ground {
  readonly dir: string
  readonly bin: string
  readonly postgres: Contender
  stop(): Promise<void>
}

const FIRST_PORT = 27_500

const asPostgres = (program: string, args: readonly string[]): [string, string[]] =>
  process.getuid?.() === 0
    ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', program, ...args]]
    : [program, [...args]]

/** A fresh PostgreSQL in a directory of its own; stop() takes both away. */
export async function startPostgres(): Promise<Ground> {
  const bin = findPostgres()
  if (!bin) throw new Error('PostgreSQL was not found; install postgresql or set MEKARE_POSTGRES_BIN')
  const dir = mkdtempSync(join(tmpdir(), 'mekare-bench-'))
  if (process.getuid?.() === 0) chownSync(dir, Number(execFileSync('id', ['-u', 'postgres'])), -1)
  const data = join(dir, 'data')
  execFileSync(...asPostgres(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync']), {
    cwd: dir,
  })
  const settings = [
    'fsync=off',
    'max_connections=300',
    'shared_buffers=128MB',
    `port=${FIRST_PORT}`,
    'listen_addresses=127.0.0.1',
  ]
  const args = ['-D', data, ...[...settings, `unix_socket_directories=${dir}`].flatMap(one => ['-c', one])]
  const child = spawn(...asPostgres(join(bin, 'postgres'), args), { cwd: dir, stdio: 'ignore' })
  await answering(FIRST_PORT)
  return {
    dir,
    bin,
    postgres: { name: 'direct', port: FIRST_PORT },
    async stop() {
      await end(child, 'SIGINT')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** HAProxy before `target`. */
export async function startHaproxy(dir: string, port: number, target: number): Promise<Contender> {
  const program = findProgram('haproxy')
  if (!program) throw new Error('haproxy was not found; install it')
  const file = join(dir, `haproxy-${port}.cfg`)
  writeFileSync(file, haproxyConfig(port, target))
  const child = spawn(program, ['-db', '-q', '-f', file], { stdio: 'ignore' })
  await answering(port)
  return { name: 'haproxy', port, child }
}

const haproxyConfig = (port: number, target: number) => `global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen bench
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${target}
`

export interface Forwarder {
  readonly engine: 'net' | 'native'
  readonly threads?: number
  /** Microseconds. */
  readonly spin?: number
}

/** Our engine before `target`, without the hops that precede it in the proxy. */
export async function startForwarder(how: Forwarder, port: number, target: number): Promise<Contender> {
  const { engine, threads = 1, spin = 0 } = how
  const script = fileURLToPath(new URL('./forward.js', import.meta.url))
  const args = ['--expose-gc', script, engine, threads, spin, port, target].map(String)
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  await answering(port)
  const more = [...(threads > 1 ? [`${threads} threads`] : []), ...(spin > 0 ? [`spin ${spin} us`] : [])]
  return { name: [engine, ...more].join(', '), port, child }
}

/** Ends a child and waits for it. */
export async function end(child: ChildProcess | undefined, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  await gone
}

async function answering(port: number): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const open = await new Promise<boolean>(resolve => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await sleep(50)
  }
  throw new Error(`nothing answers on 127.0.0.1:${port} after 10 s`)
}
