// Writes doc/reference/metrics.md anew: `node dist/src/admin/generate.js`, from the top of the project.

import { mkdirSync, writeFileSync } from 'node:fs'
import { generateMetricsReference } from './reference.js'

mkdirSync('doc/reference', { recursive: true })
writeFileSync('doc/reference/metrics.md', generateMetricsReference())
