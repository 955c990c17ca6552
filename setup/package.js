// `npm run package`: builds the Debian package out of what `npm pack` would publish and the production packages of the lock.
// Needs dpkg-deb and no network. The same sources give the same bytes.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bundleProgram } from './bundle.js'
import { layOut } from './debian.js'
import { productionPackages } from './packages.js'
import { during, say } from './progress.js'
import { run, SetupError } from './run.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const USAGE = `usage: npm run package -- [--out DIRECTORY] [--revision N]
  --out DIRECTORY  where the package is written [build]
  --revision N     the Debian revision: what follows the version [1]
  --fast           do not compress: for tests`

function options() {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(root, 'build') },
      revision: { type: 'string', default: '1' },
      fast: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (!/^[0-9][0-9a-z.+~]*$/.test(values.revision))
    throw new SetupError(`--revision ${values.revision}: begin with a digit`)
  return { ...values, out: resolve(values.out) }
}

/** What npm would publish, unpacked. @param {string} dir */
async function unpackPublished(dir) {
  const packed = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir], { cwd: root })
  if (packed.code !== 0) throw new SetupError(`npm pack ended with ${packed.code}:\n${packed.output}`)
  const tarball = packed.output.trim().split('\n').at(-1) ?? ''
  execFileSync('tar', ['-xzf', join(dir, tarball), '-C', dir])
  return join(dir, 'package')
}

/** When the sources were committed, so that a second build has the same times; else now. */
function epoch() {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given) return given
  try {
    return execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return String(Math.floor(Date.now() / 1000))
  }
}

/** @param {string} program @param {readonly string[]} args */
function ask(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8' }).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new SetupError(`${program} is not found: the Debian package is built on Debian or Ubuntu (package dpkg)`)
    throw error
  }
}

async function main() {
  const { out, revision, fast, help } = options()
  if (help) return say(USAGE)
  const architecture = ask('dpkg', ['--print-architecture'])
  const seconds = epoch()
  const scratch = mkdtempSync(join(tmpdir(), 'mekare-package-'))
  try {
    await during('bundle', () => bundleProgram(root))
    const published = await unpackPublished(scratch)
    const { version } = JSON.parse(readFileSync(join(published, 'package.json'), 'utf8'))
    const tree = join(scratch, 'tree')
    const debian = { version: `${version}-${revision}`, architecture, date: new Date(Number(seconds) * 1000) }
    await during('lay out', async () => layOut({ root, published, tree, modules: productionPackages(root), ...debian }))
    const file = join(out, `mekare_${debian.version}_${architecture}.deb`)
    mkdirSync(out, { recursive: true })
    const args = ['--root-owner-group', fast ? '-Znone' : '-Zxz', '--build', tree, file]
    const built = await during(`dpkg-deb ${file}`, () => run('dpkg-deb', args, { env: { SOURCE_DATE_EPOCH: seconds } }))
    if (built.code !== 0 || !existsSync(file))
      throw new SetupError(`dpkg-deb ended with ${built.code}:\n${built.output}`)
    say(file)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

try {
  await main()
} catch (error) {
  const usage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  if (!(error instanceof SetupError) && !usage) throw error
  process.stderr.write(`${error.message}${usage ? `\n${USAGE}` : ''}\n`)
  process.exitCode = usage ? 2 : 1
}
