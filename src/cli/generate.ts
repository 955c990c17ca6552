// Writes doc/mekare.1 anew: `node dist/src/cli/generate.js`, from the top of the project.

import { writeFileSync } from 'node:fs'
import { generateManPage } from './man.js'

writeFileSync('doc/mekare.1', generateManPage())
