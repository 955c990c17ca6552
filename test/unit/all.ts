// Every unit test in one process: a process of its own costs tap more than most of these files take.

import { readdirSync } from 'node:fs'

const here = new URL('.', import.meta.url)
const files = readdirSync(here, { encoding: 'utf8', recursive: true }).filter(name => name.endsWith('.test.js'))
for (const file of files.sort()) await import(new URL(file, here).href)
