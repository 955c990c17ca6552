// `mekare vrrp`: runs the sidecar, owns its signals and exit code. `--release` only takes the addresses off this host.

import { createLog } from '../admin/log.js'
import { EXIT } from '../cli/deps.js'
import { ConfigError } from '../config/problems.js'
import type { Config } from '../config/shape.js'
import type { Event } from '../events/event.js'
import { missingCapabilities } from '../linux/capabilities.js'
import { raisePriority } from '../linux/priority.js'
import { releaseAddresses } from '../sidecar/release.js'
import { type Sidecar, startSidecar } from '../sidecar/sidecar.js'
import { createNotifier } from './notify.js'
import { now } from './router.js'

export interface SidecarInput {
  readonly config: Config
  readonly version: string
  readonly release: boolean
  /** Loads the configuration anew. Throws a ConfigError. */
  readonly reload: () => Config
}

/** Before the programs of a busy machine, which would delay adverts; the unit sets the same. Real-time scheduling locks Node's threads up. */
const NICE = -15

const NEEDED = ['CAP_NET_ADMIN', 'CAP_NET_RAW'] as const

/** Runs until a signal or a bug ends it; gives the exit code. */
export async function runSidecar(input: SidecarInput): Promise<number> {
  const { config } = input
  const wrong = notPossible(config)
  if (wrong !== undefined) return refuse(wrong)
  try {
    return input.release ? release(config) : await hold(input)
  } catch (error) {
    if (!(error instanceof Error && 'call' in error)) throw error
    return refuse(error.message)
  }
}

function refuse(why: string): number {
  process.stderr.write(`mekare: ${why}\n`)
  return EXIT.config
}

const notBefore = (refused: string) =>
  `the scheduling priority stays as it is (${refused}), so a busy machine can delay adverts; start it with nice -n ${NICE}, or grant CAP_SYS_NICE`

function notPossible(config: Config): string | undefined {
  if (process.platform !== 'linux') return `mekare vrrp needs Linux, this is ${process.platform}`
  if (Object.keys(config.vrrp).length === 0)
    return 'vrrp: is empty; name a virtual router, with interface, routerId and addresses'
  const missing = missingCapabilities(NEEDED)
  if (missing.length === 0) return undefined
  return `${missing.join(' and ')} missing: run as root, or grant them (AmbientCapabilities= in the systemd unit, as config/mekare-vrrp.service does)`
}

function release(config: Config): number {
  const { removed, failed } = releaseAddresses(config.vrrp)
  for (const one of removed) process.stdout.write(`removed ${one}\n`)
  for (const why of failed) process.stderr.write(`mekare: ${why}\n`)
  return failed.length === 0 ? EXIT.good : EXIT.failed
}

function begun(started: Event, report: (event: Event) => void): void {
  report(started)
  const refused = raisePriority(NICE)
  if (refused !== undefined) report({ kind: 'warned', what: notBefore(refused) })
}

async function hold({ config, version, reload }: SidecarInput): Promise<number> {
  const log = createLog({ ...config.log, now })
  const report = (event: Event) => log.report(event)
  let end: (code: number) => void = () => {}
  const ended = new Promise<number>(resolve => (end = resolve))
  const bug = (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    report({ kind: 'warned', what: `a bug in mekare, please report it: ${text}` })
    end(EXIT.failed)
  }
  process.on('uncaughtException', bug)
  const notifier = createNotifier(process.env, what => report({ kind: 'warned', what }))
  const begins = () => begun({ kind: 'vrrp_started', version, name: config.fleet.name }, report)
  const sidecar = await startSidecar({ config, socket: config.admin.socket, now, report, bug, begins })
  if (typeof sidecar === 'string') return refuse(sidecar)
  notifier.ready()
  process.on('SIGTERM', () => end(EXIT.good)).on('SIGINT', () => end(EXIT.good))
  process.on('SIGHUP', () => {
    reloadInto(sidecar, reload).then(what => report({ kind: 'warned', what }), bug)
  })
  const code = await ended
  notifier.stopping()
  await sidecar.stop()
  notifier.stop()
  report({ kind: 'vrrp_stopped' })
  await log.close()
  return code
}

/** A configuration that cannot be used changes nothing. Gives what to tell. */
async function reloadInto(sidecar: Sidecar, reload: () => Config): Promise<string> {
  try {
    const config = reload()
    if (Object.keys(config.vrrp).length === 0) return 'reload: vrrp is empty; nothing is changed'
    const why = await sidecar.change(config)
    return why === undefined ? 'reload: the new configuration holds' : `reload: ${why}; nothing is changed`
  } catch (error) {
    if (error instanceof ConfigError) return `reload: ${error.message.replaceAll('\n', ' | ')}; nothing is changed`
    throw error
  }
}
