// Starts a contender's process on its host, waits until a question goes through it, and ends it again.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StartOptions } from '../../test/lab/ground.js'
import type { Host, Site } from '../site.js'
import type { Address, Contender, Server } from './contender.js'

interface Launch extends StartOptions {
  readonly host?: Host
}

const PATIENCE_MS = 3000

/**
 * Starts `argv`, which is to listen on `address` and to answer as `server` does. Throws with the end of its log when it does not. A process
 * that does not end within 3 s of SIGTERM is killed.
 */
export async function launch(
  site: Site,
  program: string,
  argv: readonly string[],
  address: Address,
  server: Pick<Server, 'ask'>,
  { host = 'proxy1', ...how }: Launch = {},
): Promise<Contender> {
  const name = `${program}-${address.port}`
  const child = site.ground.start(host, name, argv, how)
  const stop = () => end(child)
  try {
    await untilAnswered(address, server, child, join(site.ground.hostDir(host), `${name}.log`))
    return { address: { ...address, ask: server.ask }, pid: child.pid, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const patience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await ended
  clearTimeout(patience)
}

const ANSWER_WITHIN_MS = 15_000

/** Asks every 50 ms until there is an answer; throws when there is none, or the process has ended. */
export async function untilAnswered(
  at: Address,
  server: Pick<Server, 'ask'>,
  child: ChildProcess,
  log: string,
): Promise<void> {
  let said = ''
  for (const end = performance.now() + ANSWER_WITHIN_MS; performance.now() < end && !hasEnded(child); ) {
    try {
      await server.ask(at)
      return
    } catch (error) {
      said = (error as Error).message
      await sleep(50)
    }
  }
  throw new Error(`nothing answers on ${at.host}:${at.port}: ${said}\n${tail(log)}`)
}

/** The end of a log, for an error. */
export function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-10).join('\n')
  } catch {
    return ''
  }
}
