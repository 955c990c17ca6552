// Writes doc/reference/metrics.md and config/grafana-dashboard.json anew: `node dist/src/admin/generate.js`, from the top of the project.

import { mkdirSync, writeFileSync } from 'node:fs'
import { generateGrafana } from './grafana/board.js'
import { generateMetricsReference } from './reference.js'

mkdirSync('doc/reference', { recursive: true })
writeFileSync('doc/reference/metrics.md', generateMetricsReference())
writeFileSync('config/grafana-dashboard.json', generateGrafana())
