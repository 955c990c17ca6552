// Reads the logs of a stand's programs. Knows where they lie, not what they say.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The last lines of every log beneath `dir`, or of one host's. */
export function tails(dir: string, lines = 20, only?: string): string {
  const hosts = readdirSync(dir).filter(host => only === undefined || host === only)
  const logs = hosts.flatMap(host => logsOf(join(dir, host)).map(file => join(dir, host, file)))
  const tail = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  return logs.map(file => `── ${file}\n${tail(file)}`).join('\n')
}

const logsOf = (dir: string) => readdirSync(dir).filter(file => file.endsWith('.log'))
