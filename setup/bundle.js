// Bundles the program for the npm package: its modules and the packages they need become a few files, so that an install has little
// to fetch. koffi alone, which has a part for each platform, stays a package of its own. Needs the build. `node setup/bundle.js` does it.

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What is started by name: the program, and the threads that it starts by their URL. */
const ENTRIES = {
  mekare: 'bin/mekare.js',
  worker: 'dist/src/relay/worker.js',
  'lifeline-thread': 'dist/src/linux/lifeline-thread.js',
  'readiness-thread': 'dist/src/linux/readiness-thread.js',
}

/** A package of the CommonJS kind looks for files beside itself, as etcd3 does for its protocol: what the place of a bundle's file is to it. */
const PLACE = { __filename: 'import.meta.filename', __dirname: 'import.meta.dirname' }

/**
 * Bundles into a directory of dist, as deep as dist/src, so that what our modules find by URL is found. Gives the program's path.
 * @param {string} root
 * @param {string} [name]
 */
export async function bundleProgram(root, name = 'package') {
  const into = join(root, 'dist', name)
  rmSync(into, { recursive: true, force: true })
  const modules = await bundle(root, join(into, 'program'))
  cpSync(join(root, 'dist', 'src', 'dashboard', 'index.html'), join(into, 'dashboard', 'index.html'))
  cpSync(join(root, 'node_modules', 'etcd3', 'proto'), join(into, 'proto'), { recursive: true })
  writeFileSync(join(into, 'THIRD-PARTY.txt'), notices(root, packagesOf(modules)))
  return join(into, 'program', 'mekare.js')
}

/** Gives the path of each module inside. @param {string} root @param {string} dir */
async function bundle(root, dir) {
  // Loaded late: when this file is, it may not be installed yet.
  const { rolldown } = await import('rolldown')
  const input = Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(root, path)]))
  const built = await rolldown({
    input,
    platform: 'node',
    external: ['koffi', 'pg-native'],
    transform: { define: PLACE },
  })
  mkdirSync(dir, { recursive: true })
  const { output } = await built.write({
    dir,
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
  })
  await built.close()
  return output.flatMap(one => (one.type === 'chunk' ? one.moduleIds : []))
}

/** Directories of the packages that these modules are of. @param {readonly string[]} modules */
function packagesOf(modules) {
  const found = modules.map(path => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0])
  return [...new Set(found.filter(path => path !== undefined))].sort()
}

/** Name, version and licence of each, with the licence's text. @param {string} root @param {readonly string[]} packages */
function notices(root, packages) {
  // The dashboard was bundled by itself.
  const preact = join(root, 'node_modules', 'preact')
  const each = [...packages, preact].map(dir => {
    const { name, version, license, author } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
    const files = readdirSync(dir).filter(file => /^(licen[cs]e|notice|copying)/i.test(file))
    const texts = files.map(file => readFileSync(join(dir, file), 'utf8').trim())
    const by = author === undefined ? '' : `, by ${author.name ?? author}`
    return [`${name} ${version} (${license})${by}`, ...texts].join('\n\n')
  })
  return `Packages that are bundled into mekare, each with its licence.\n\n${each.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundleProgram(dirname(dirname(fileURLToPath(import.meta.url))))
}
