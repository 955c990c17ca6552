// What lies where in the Debian package, and what its control files say. Knows no compression and asks nobody.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'

/**
 * @typedef {object} Debian
 * @property {string} root          the source tree
 * @property {string} published     what npm would publish, unpacked
 * @property {string} tree          where the package is laid out
 * @property {readonly string[]} modules  production packages, as paths beneath the root
 * @property {string} version
 * @property {string} architecture
 * @property {Date} date
 */

const HOME = 'usr/lib/mekare'
const PROGRAM = 'dist/package/program/mekare.js'
const NOTICES = 'dist/package/THIRD-PARTY.txt'
const DOC = 'usr/share/doc/mekare'

/** Lays the whole package out. @param {Debian} debian */
export function layOut(debian) {
  layProgram(debian)
  layModules(debian)
  layService(debian)
  layDocuments(debian)
  layCompletion(debian)
  layControl(debian)
}

/** @param {string} path @param {string | Buffer} content @param {number} [mode] */
function write(path, content, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  writeFileSync(path, content)
  chmodSync(path, mode)
}

/** Policy 12.7: as small as it goes, with no time in it. @param {string | Buffer} content */
const gzip = content => gzipSync(content, { level: 9 })

/** @param {Debian} debian */
function layProgram({ published, tree }) {
  cpSync(join(published, 'dist'), join(tree, HOME, 'dist'), { recursive: true })
  cpSync(join(published, 'package.json'), join(tree, HOME, 'package.json'))
  const program = readFileSync(join(published, PROGRAM), 'utf8')
  // Debian's Node.js, whatever a version manager has put into PATH.
  write(join(tree, HOME, PROGRAM), program.replace(/^#!.*/, '#!/usr/bin/node'), 0o755)
  mkdirSync(join(tree, 'usr/bin'), { recursive: true })
  symlinkSync(`../lib/mekare/${PROGRAM}`, join(tree, 'usr/bin/mekare'))
}

/** Of a package, what Node.js never reads when it runs it, and what is for another libc. Licences stay. */
const UNREAD = /\.[cm]?ts$|\.map$|\.html$|(^|\/)(?!licen[cs]e)[^/]*\.(md|markdown)$|\/musl_|\/\.[^/]+$/i

/** @param {Debian} debian */
function layModules({ root, tree, modules }) {
  for (const path of modules.filter(path => !path.startsWith('node_modules/@types/'))) {
    const from = join(root, path)
    cpSync(from, join(tree, HOME, path), {
      recursive: true,
      // Packages inside a package are on the list themselves.
      filter: one => !UNREAD.test(one.slice(from.length)) && relative(from, one) !== 'node_modules',
    })
  }
  for (const file of filesIn(join(tree, HOME))) if (!file.endsWith(PROGRAM)) chmodSync(file, 0o644)
}

/** @param {Debian} debian */
function layService({ root, published, tree }) {
  const of = (/** @type {string} */ name) => readFileSync(join(root, 'deploy', 'debian', name))
  for (const unit of ['mekare.service', 'mekare-vrrp.service'])
    write(join(tree, 'usr/lib/systemd/system', unit), readFileSync(join(published, 'config', unit)))
  write(join(tree, 'usr/lib/sysusers.d/mekare.conf'), of('sysusers.conf'))
  write(join(tree, 'etc/mekare/mekare.yaml'), of('mekare.yaml'), 0o640)
  chmodSync(join(tree, 'etc/mekare'), 0o750)
}

/** For Prometheus, Grafana and editors; the rest of config is in its own place. */
const SHARED = ['prometheus-alerts.yml', 'grafana-dashboard.json', 'mekare.example.yaml', 'mekare.schema.json']

/** @param {Debian} debian */
function layDocuments({ root, published, tree, modules, version, date }) {
  for (const name of SHARED) write(join(tree, 'usr/share/mekare', name), readFileSync(join(published, 'config', name)))
  const doc = join(published, 'doc')
  for (const path of filesIn(doc).filter(path => path.endsWith('.md')))
    write(join(tree, DOC, relative(doc, path)), readFileSync(path))
  write(join(tree, DOC, 'README.md'), readFileSync(join(published, 'README.md')))
  write(join(tree, DOC, 'changelog.gz'), gzip(readFileSync(join(published, 'CHANGELOG.md'))))
  write(join(tree, DOC, 'changelog.Debian.gz'), gzip(changelog(version, date)))
  write(join(tree, DOC, 'THIRD-PARTY.gz'), gzip(readFileSync(join(published, NOTICES))))
  write(join(tree, DOC, 'copyright'), copyright(root, modules))
  write(join(tree, 'usr/share/man/man1/mekare.1.gz'), gzip(readFileSync(join(doc, 'mekare.1'))))
  write(join(tree, 'usr/share/lintian/overrides/mekare'), readFileSync(join(root, 'deploy/debian/lintian-overrides')))
}

/** Debian's own variables say who builds; without them nobody can be written to. */
const { DEBFULLNAME = 'The mekare authors', DEBEMAIL = 'nobody@mekare.invalid' } = process.env
const MAINTAINER = `${DEBFULLNAME} <${DEBEMAIL}>`

/** @param {string} version @param {Date} date */
const changelog = (version, date) =>
  `mekare (${version}) unstable; urgency=medium\n\n  * What has changed: changelog.gz.\n\n -- ${MAINTAINER}  ${date.toUTCString().replace('GMT', '+0000')}\n`

/** Our licence, where those of the packages bundled with the program are, and by name that of each beside it. @param {string} root @param {readonly string[]} modules */
function copyright(root, modules) {
  const indented = readFileSync(join(root, 'LICENSE'), 'utf8')
    .trim()
    .split('\n')
    .slice(4)
    .map(line => ` ${line || '.'}`)
  const others = modules.map(path => {
    const { license = 'see its package.json' } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))
    return `Files: ${HOME}/${path}/*\nCopyright: its authors, as its own licence file says\nLicense: ${license}\n`
  })
  const head = 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: mekare\n'
  const ours = `Files: *\nCopyright: 2026 the mekare authors\nLicense: Expat\n${indented.join('\n')}\n`
  const bundled = `Files: ${HOME}/dist/package/*\nCopyright: the mekare authors, and those of the packages inside\nLicense: Expat, and of each package inside its own: ${DOC}/THIRD-PARTY.gz\n`
  return [head, ours, bundled, ...others].join('\n')
}

const COMPLETIONS = {
  bash: 'usr/share/bash-completion/completions/mekare',
  zsh: 'usr/share/zsh/vendor-completions/_mekare',
  fish: 'usr/share/fish/vendor_completions.d/mekare.fish',
}

/** @param {Debian} debian */
function layCompletion({ tree }) {
  const program = join(tree, HOME, PROGRAM)
  for (const [shell, path] of Object.entries(COMPLETIONS))
    write(join(tree, path), execFileSync(process.execPath, [program, 'completion', shell]))
}

/** @param {Debian} debian */
function layControl({ root, published, tree, version, architecture }) {
  const { description, engines } = JSON.parse(readFileSync(join(published, 'package.json'), 'utf8'))
  const files = filesIn(tree)
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
  const control = [
    'Package: mekare',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    `Depends: nodejs (${engines.node.replace('>=', '>= ')}), libc6, systemd | systemd-standalone-sysusers | systemd-sysusers`,
    'Suggests: etcd-client, postgresql-client, prometheus',
    'Section: database',
    'Priority: optional',
    'Description: router for PostgreSQL clusters run by Patroni',
    ...` ${description}.`.match(/.{1,78}(\s|$)/g).map(line => ` ${line.trim()}`),
  ]
  const into = (/** @type {string} */ name) => join(tree, 'DEBIAN', name)
  const sums = files.map(
    file => `${createHash('md5').update(readFileSync(file)).digest('hex')}  ${relative(tree, file)}`,
  )
  write(into('control'), `${control.join('\n')}\n`)
  write(into('md5sums'), `${sums.join('\n')}\n`)
  write(into('conffiles'), '/etc/mekare/mekare.yaml\n')
  for (const name of ['postinst', 'prerm', 'postrm'])
    write(into(name), readFileSync(join(root, 'deploy/debian', name)), 0o755)
}

/** @param {string} dir @returns {string[]} */
const filesIn = dir =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
