// Configurations as a test gives them, files and all, and what the loader makes of them or says.

import { type ConfigInput, loadConfig } from '../../../src/config/load.js'
import { ConfigError, describeProblem } from '../../../src/config/problems.js'
import type { Config } from '../../../src/config/shape.js'

export const ETCD = { 'clusters.demo.etcd.hosts': 'http://10.0.0.1:2379' }

export interface Given extends Omit<ConfigInput, 'hostname' | 'file' | 'read'> {
  readonly yaml?: string
  readonly files?: Readonly<Record<string, string>>
}

export function load({ yaml, files = {}, ...rest }: Given): Config {
  const all: Record<string, string> = { ...files, ...(yaml !== undefined && { 'mekare.yaml': yaml }) }
  const read = (path: string): string => {
    const text = all[path]
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    return text
  }
  return loadConfig({ hostname: 'host1', read, ...(yaml !== undefined && { file: 'mekare.yaml' }), ...rest })
}

export function problems(given: Given): readonly string[] {
  try {
    load(given)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(describeProblem)
    throw error
  }
  return []
}

export const withFlags = (flags: Record<string, string | readonly string[]>): Given => ({
  flags: { ...ETCD, ...flags },
})
