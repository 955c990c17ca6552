// The disk that log and state lie on is full: nothing may stop, the address may not move, and it must move when it has to. The disk is a
// small tmpfs that only the programs of the better host see; what clients get is seen on the wire.

import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FloatingHosts, PROGRAM, type Program } from '../../../test/lab/floating.js'
import { createPair, K, M } from '../../../test/lab/pair.js'
import { gapAfter, silence, wall } from '../../../test/lab/wiretap.js'
import { atLeast, atMost, type Figure, none, noted } from '../figure.js'
import { type Contend, mekare } from './contender.js'
import { onWire, type Wire } from './site.js'
import { startTeam } from './team.js'

const INTERVAL = 100
const SIZE = '1m'
/** How long the disk is full while nothing else happens. */
const FULL_MS = 5000

interface Disk {
  /** As its programs see it. */
  readonly path: string
  /** Runs a command where the disk is seen. */
  inside(argv: readonly string[]): string
  /** The same file, as this process sees it. */
  seen(name: string): string
  /** A command line that runs `argv` there, its output in a file of the disk. */
  logging(argv: readonly string[], name: string): readonly string[]
}

/** A tmpfs lives in the mount namespace of a process that does nothing but hold it. */
async function makeDisk(hosts: FloatingHosts, keep: Wire['keep']): Promise<Disk> {
  const path = join(hosts.dir, 'disk')
  const script = `mkdir ${path} && mount -t tmpfs -o size=${SIZE} tmpfs ${path} && echo ready && exec sleep infinity`
  const holder = keep(hosts.watch(M, ['sh', '-c', script]))
  while (!holder.text().includes('ready')) await sleep(20)
  const enter = ['nsenter', `--mount=/proc/${holder.child.pid}/ns/mnt`, '--']
  const quoted = `cd ${join(hosts.dir, M)} && exec "$0" "$@"`
  return {
    path,
    inside: argv => execFileSync(enter[0] ?? '', [...enter.slice(1), ...argv], { encoding: 'utf8' }),
    seen: name => `/proc/${holder.child.pid}/root${join(path, name)}`,
    logging: (argv, name) => [...enter, 'sh', '-c', `${quoted} >> ${join(path, name)}`, ...argv],
  }
}

/** mekare whose better host has its log, its control socket and its record of incidents on the disk. */
const onDisk =
  (disk: Disk): Contend =>
  hosts => {
    const usual = mekare(INTERVAL)(hosts)
    const { configs } = createPair(hosts, `${INTERVAL}ms`, 'preempt: true')
    const text = readFileSync(configs[M], 'utf8')
      .replace(`${hosts.dir}/${M}.sock`, join(disk.path, 'control.sock'))
      .replace('file: off', `file: ${join(disk.path, 'incidents.json')}`)
    const config = hosts.file('m-disk.yaml', text)
    const start = (verb: string): Program =>
      hosts.start(M, disk.logging([process.execPath, PROGRAM, verb, '--config', config], `${verb}.log`))
    return {
      ...usual,
      proxy: host => (host === M ? start('run') : usual.proxy(host)),
      sidecar: host => (host === M ? start('vrrp') : usual.sidecar(host)),
    }
  }

async function fullDisk(wire: Wire): Promise<Figure[]> {
  const { hosts, tap, tenancy } = wire
  const disk = await makeDisk(hosts, wire.keep)
  const team = await startTeam(wire, onDisk(disk))
  const fill = () => disk.inside(['sh', '-c', `cat /dev/zero >> ${disk.path}/fill 2>/dev/null; true`])
  const since = wall()
  fill()
  wire.say(`full: ${disk.inside(['df', '--output=avail', disk.path]).split('\n')[1]?.trim()} KiB left`)
  const before = sizes(disk)
  await sleep(FULL_MS)
  const quiet = wall()
  const after = sizes(disk)
  const moved = tenancy.spells().filter(({ host, from }) => host === K && from >= since).length
  team.kill(M, 'proxy')
  await sleep(1000)
  const gap = gapAfter(tap.answers, quiet, wall(), K)
  fill()
  const restartedAt = wall()
  await team.restore()
  const back = wall() - restartedAt
  disk.inside(['rm', join(disk.path, 'fill')])
  await sleep(1000)
  const grown = sizes(disk)
  await team.end()
  return [
    // What a page has room for is written still.
    atMost('bytes logged while it was full', after - before, 8192, ''),
    none('takeovers while it was full', moved),
    atMost('longest time without an answer meanwhile', silence(tap.answers, since, quiet), 100, 'ms'),
    atMost('the proxy killed on a full disk: the other host answers', gap.answered, 30, 'ms'),
    noted('a proxy started on a full disk has the address back after', back, 'ms'),
    atLeast('bytes logged in the second after there was room again', grown - after, 1, ''),
  ]
}

const sizes = (disk: Disk) => ['run.log', 'vrrp.log'].reduce((sum, name) => sum + statSync(disk.seen(name)).size, 0)

export const fullDisks = onWire({
  name: 'disk-full',
  says: 'the disk of log and state is full on the host that has the address, adverts 100 ms',
  run: fullDisk,
})
