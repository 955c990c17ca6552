// etcd processes of one test, and what etcdctl says of them.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { noop } from 'cockatiel'
import { Etcd3 } from 'etcd3'

export const run = promisify(execFile)

export const home = mkdtempSync(join(tmpdir(), 'mekare-sources-'))
const children = new Set<ChildProcess>()
const cleanUp = () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
}
process.on('exit', cleanUp)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

export interface Etcd {
  readonly url: string
  readonly child: ChildProcess
}

export async function freePort(host: string): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export function launch(name: string, url: string, more: readonly string[] = []): Etcd {
  const args = [
    '--name',
    name,
    '--data-dir',
    join(home, name),
    '--listen-client-urls',
    url,
    '--advertise-client-urls',
    url,
  ]
  // The kernel ends the child when this process is killed outright.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'etcd', ...args, ...more], {
    stdio: 'ignore',
  })
  children.add(child)
  child.on('exit', () => children.delete(child))
  return { url, child }
}

export async function single(name: string, url: string): Promise<Etcd> {
  const peer = `http://127.77.1.9:${await freePort('127.77.1.9')}`
  const peers = [
    '--listen-peer-urls',
    peer,
    '--initial-advertise-peer-urls',
    peer,
    '--initial-cluster',
    `${name}=${peer}`,
  ]
  const etcd = launch(name, url, peers)
  await healthy([url])
  return etcd
}

export async function end({ child }: Etcd): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

export async function ctl(urls: readonly string[], ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, ETCDCTL_API: '3' }
  const { stdout } = await run('etcdctl', ['--endpoints', urls.join(','), '--command-timeout', '5s', ...args], { env })
  return stdout
}

export async function healthy(urls: readonly string[]): Promise<void> {
  for (let i = 0; i < 100; i++) {
    try {
      await ctl(urls, 'endpoint', 'health')
      return
    } catch {
      await sleep(100)
    }
  }
  throw new Error(`etcd ${urls.join(', ')} does not come up`)
}

/** Writes the leader key anew until it is taken: a write proposed while etcd has no leader is lost. */
export async function insist(url: string, leader: string): Promise<void> {
  for (let taken = false; !taken; ) {
    const writer = new Etcd3({ hosts: url, faultHandling: { global: noop, host: () => noop } })
    const put = writer.put('/service/demo/leader').value(leader)
    taken = await put.options({ deadline: Date.now() + 200 }).then(
      () => true,
      () => false,
    )
    writer.close()
  }
}
