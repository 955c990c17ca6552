// A machine of its own on a host of the stand: systemd as process 1 and the programs of this machine, on a root file system whose
// changes are forgotten. What is installed there harms nothing here.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './cluster.js'
import type { Output } from './ground.js'
import { runToEnd } from './ground.js'
import { isRunning } from './installed.js'
import { signal } from './processes.js'
import type { Stand } from './stand.js'

const BOOT = fileURLToPath(new URL('../../../test/lab/boot.sh', import.meta.url))

export interface Machine {
  /** Seen there at /mnt. */
  readonly shared: string
  /** Runs a program there, as root, to its end. */
  exec(...argv: readonly string[]): Promise<Output>
  /** As if the plug were pulled. */
  off(): Promise<void>
}

/** Why no machine can be booted here, if so: it needs root, its capabilities, overlayfs and systemd. */
export function cannotBoot(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it needs root on Linux'
  const script = 'd=$(mktemp -d) && mount -t tmpfs t $d && mkdir $d/u $d/w $d/m $d/c && mount -t cgroup2 c $d/c && '
  const overlay = 'mount -t overlay o -o lowerdir=/,upperdir=$d/u,workdir=$d/w $d/m && test -x $d/m/lib/systemd/systemd'
  const { status, stderr } = spawnSync('unshare', ['-m', '-p', '-f', 'sh', '-c', script + overlay], {
    encoding: 'utf8',
  })
  return status === 0 ? undefined : stderr.trim() || 'systemd is not installed'
}

/** Boots it on a host of a stand with namespaces; answers when systemd says that it runs. */
export async function bootMachine(stand: Stand, host: string): Promise<Machine> {
  const shared = join(stand.dir, host)
  const root = join(shared, 'machine')
  mkdirSync(root)
  const child = stand.spawn(host, 'boot', ['unshare', '-m', 'sh', BOOT, root, shared])
  const pid = await until(10_000, `${host}: nothing was booted`, async () => {
    if (!isRunning(child)) throw new Error(readFileSync(join(shared, 'boot.log'), 'utf8'))
    return descendants(child.pid ?? 0).find(isSystemd)
  })
  const exec = (...argv: readonly string[]) => runToEnd('nsenter', ['-t', `${pid}`, '-a', '--', ...argv], '/', ENV)
  await until(10_000, `${host}: systemd did not come up`, async () => {
    const { stdout } = await exec('systemctl', 'is-system-running')
    return stdout.trim() === 'running' || undefined
  })
  return {
    shared,
    exec,
    off: async () => {
      signal(pid, 'SIGKILL')
      if (isRunning(child)) await once(child, 'exit')
    },
  }
}

const ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }

function descendants(pid: number): number[] {
  const children = textOf(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return children.flatMap(child => [child, ...descendants(child)])
}

const isSystemd = (pid: number) => textOf(`/proc/${pid}/comm`).trim() === 'systemd'

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
