// Chooses the source that the configuration names.

import type { ClusterConfig } from '../config/shape.js'
import type { SourceDeps } from './deps.js'
import { createEtcdSource } from './etcd/source.js'
import { createPatroniSource } from './patroni/source.js'
import type { Source } from './source.js'
import { createStaticSource } from './static/source.js'

/** The source of this cluster; nothing is asked before its start(). */
export function createSource(config: ClusterConfig, deps: SourceDeps): Source {
  switch (config.source) {
    case 'etcd':
      return createEtcdSource(config, deps)
    case 'patroni':
      return createPatroniSource(config, deps)
    case 'static':
      return createStaticSource(config, deps)
    default: {
      const unknown: never = config.source
      throw new Error(`source: ${String(unknown)} is not one of etcd, patroni, static`)
    }
  }
}
