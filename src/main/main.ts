// The program's entry: gives the command line what its verbs do, and turns failures into exit codes and sentences.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { cli } from '../cli/cli.js'
import { type DemoOptions, EXIT, type RunOptions } from '../cli/deps.js'
import { loadConfig } from '../config/load.js'
import { ConfigError } from '../config/problems.js'
import type { Config } from '../config/shape.js'
import { descriptorLimit } from './limits.js'
import { failPredecessor } from './successor.js'
import { openQuestion, openTerminal } from './terminal.js'
import { readVersion } from './version.js'

/** Runs the command line; sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const version = readVersion()
  const out = (text: string) => process.stdout.write(text)
  const terminal = openTerminal()
  const confirm = openQuestion()
  process.exitCode = await cli(argv, {
    version,
    // Loaded when they are asked for: a verb that only asks the control socket needs none of it, and starts in half the time.
    run: options =>
      withConfig(options, async config => {
        const { runProxy } = await import('./proxy.js')
        return runProxy({ config, version, load: () => load(options) })
      }),
    check: options =>
      withConfig(options, async config => {
        const { check } = await import('./check.js')
        return check({ config, offline: options.offline, out: line => out(`${line}\n`) })
      }),
    vrrp: options =>
      withConfig(options, async config => {
        const { runSidecar } = await import('./sidecar.js')
        return runSidecar({ config, version, release: options.release, reload: () => load(options) })
      }),
    demo: runDemo,
    socketOf: async file => load({ file, flags: [] }).admin.socket,
    out,
    err: text => process.stderr.write(text),
    ...(terminal && { terminal }),
    ...(confirm && { confirm }),
    env: process.env,
  })
}

function load({ file, flags }: RunOptions): Config {
  const input = { flags, env: process.env, hostname: hostname(), descriptorLimit: descriptorLimit() }
  return loadConfig(file === undefined ? input : { ...input, file })
}

async function withConfig(options: RunOptions, then: (config: Config) => Promise<number>): Promise<number> {
  try {
    return await then(load(options))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    await failPredecessor(error)
    return EXIT.config
  }
}

/** The demo is part of the source tree, with the stand it runs on; an installed package says where to get it. */
async function runDemo({ exit, json }: DemoOptions): Promise<number> {
  const demo = fileURLToPath(new URL('../../test/lab/demo.js', import.meta.url))
  const flags = [...(exit ? ['--exit'] : []), ...(json ? ['--json'] : [])]
  if (!existsSync(demo)) {
    const command = ['npm run demo', ...(flags.length > 0 ? ['--', ...flags] : [])].join(' ')
    process.stderr.write(`the demo needs the source tree: run "${command}" in a clone of the project\n`)
    return EXIT.unavailable
  }
  const child = spawn(process.execPath, [demo, ...flags], { stdio: 'inherit' })
  // The demo clears away before it ends, and is waited for; that a terminal sends Ctrl-C to it too does no harm.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => child.kill(name))
  return new Promise(resolve => child.on('close', code => resolve(code ?? EXIT.failed)))
}
