// Writes the files that are generated from the table. Run from the repository root: node dist/src/config/generate.js

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { generateSchema } from './json-schema.js'
import { generateExample, generateReference } from './pages.js'

const pages = {
  'config/mekare.example.yaml': generateExample(),
  'config/mekare.schema.json': generateSchema(),
  'doc/reference/config.md': generateReference(),
}

for (const [path, text] of Object.entries(pages)) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
