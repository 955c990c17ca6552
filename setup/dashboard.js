// Bundles the dashboard: its TypeScript and its style into one page, which the admin address serves from memory. Types are
// checked elsewhere. `node setup/dashboard.js` does it.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @param {string} root */
const sources = root => join(root, 'src', 'dashboard')
/** @param {string} root */
const page = root => join(root, 'dist', 'src', 'dashboard', 'index.html')

/** Whether the page is there and no older than what it could be made of. @param {string} root */
export function dashboardIsCurrent(root) {
  if (!existsSync(page(root))) return false
  const built = statSync(page(root)).mtimeMs
  const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const files = [...names.map(name => join('src', name)), 'setup/dashboard.js', 'package.json', 'package-lock.json']
  return files.every(name => statSync(join(root, name)).mtimeMs <= built)
}

/** @param {string} root */
export async function buildDashboard(root) {
  // Loaded late: when this file is, it may not be installed yet.
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    input: join(sources(root), 'main.tsx'),
    platform: 'browser',
    tsconfig: join(sources(root), 'tsconfig.json'),
    resolve: { extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } },
  })
  const { output } = await bundle.generate({ format: 'es', minify: true })
  await bundle.close()
  const read = (/** @type {string} */ name) => readFileSync(join(sources(root), name), 'utf8')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const html = read('index.html')
    .replace('/* version */', version)
    .replace('/* style */', () => read('style.css').replace(/^\/\*.*\*\/\s*/, ''))
    .replace('/* script */', () => output[0].code.replaceAll('</script', '<\\/script'))
  mkdirSync(dirname(page(root)), { recursive: true })
  writeFileSync(page(root), html)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildDashboard(dirname(dirname(fileURLToPath(import.meta.url))))
}
