// The house rules on imports, held by a test: pure rooms touch nothing of the world, rooms with I/O meet only in main.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../../../src', import.meta.url))
const PURE = [
  'units',
  'topology',
  'health',
  'pools',
  'sessions',
  'incidents',
  'fleet',
  'protocol',
  'events',
  'reload',
  'vrrp',
  'import',
  'history',
  'notices',
]
/** Read by everybody: the table of the configuration and what it makes. */
const OPEN_TO_ALL = ['config']
/** Used by every room with I/O, and what each of them may use itself. */
const PLATFORMS: Readonly<Record<string, readonly string[]>> = {
  linux: [],
  asking: ['units'],
  etcd: ['config', 'asking', 'units'],
}

interface Import {
  readonly file: string
  readonly room: string
  readonly to: string
  readonly typeOnly: boolean
}

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter(name => /\.tsx?$/.test(name))
const roomOf = (path: string) => path.split('/')[0] ?? ''
const text = (file: string) => readFileSync(join(ROOT, file), 'utf8')

function importsOf(file: string): Import[] {
  const found = text(file).matchAll(/^(?:import|export)\s+(type\s+)?(?:([^'"]*?)\s+from\s+)?['"]([^'"]+)['"]/gm)
  return [...found].map(([, type, names = '', to = '']) => {
    const each = names
      .replace(/[{}]/g, '')
      .split(',')
      .map(name => name.trim())
    const typeOnly = type !== undefined || each.every(name => name === '' || name.startsWith('type '))
    return { file, room: roomOf(file), to, typeOnly }
  })
}

const target = ({ file, to }: Import) => roomOf(relative(ROOT, join(ROOT, dirname(file), to)))
const all = files.flatMap(importsOf)
const local = all.filter(one => one.to.startsWith('.'))
const list = (wrong: readonly Import[]) => wrong.map(one => `${one.file} imports ${one.to}`)

t.test('there is something to check', async t => {
  t.ok(files.length > 50, `${files.length} files`)
  t.ok(all.length > 200, `${all.length} imports`)
})

t.test('a pure room imports nothing of node and no package, save types', async t => {
  const wrong = all.filter(one => PURE.includes(one.room) && !one.to.startsWith('.') && !one.typeOnly)
  t.same(list(wrong), [])
})

t.test('a pure room uses no timer, clock, chance, process, console or Buffer', async t => {
  const forbidden =
    /\b(setTimeout|setInterval|setImmediate|Date\.now|new Date\(\)|performance\.now|Math\.random|process\.|console\.|Buffer\.)/
  const wrong = files
    .filter(file => PURE.includes(roomOf(file)))
    .flatMap(file =>
      text(file)
        .split('\n')
        .filter(line => forbidden.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line))
        .map(line => `${file}: ${line.trim()}`),
    )
  t.same(wrong, [])
})

t.test('the sidecar looks at no wall clock: a step of the time of day moves no address', async t => {
  const rooms = ['sidecar', 'vrrp', 'linux']
  t.same(
    files.filter(file => rooms.includes(roomOf(file)) && /\bDate\b/.test(text(file))),
    [],
  )
})

t.test('a pure room imports only pure rooms, save types', async t => {
  const wrong = local.filter(one => PURE.includes(one.room) && !PURE.includes(target(one)) && !one.typeOnly)
  t.same(list(wrong), [])
})

t.test('rooms with I/O do not import one another, save types; they meet in main', async t => {
  const io = local.filter(one => !PURE.includes(one.room) && one.room !== 'main' && one.room !== 'dashboard')
  const wrong = io.filter(one => {
    const to = target(one)
    return !one.typeOnly && to !== one.room && ![...PURE, ...OPEN_TO_ALL, ...Object.keys(PLATFORMS)].includes(to)
  })
  t.same(list(wrong), [])
})

t.test('the page in the browser imports only pure rooms and Preact; nobody imports it', async t => {
  const wrong = all.filter(one => {
    if (one.room !== 'dashboard' || one.typeOnly) return false
    if (!one.to.startsWith('.')) return !/^preact(\/|$)/.test(one.to)
    return !['dashboard', ...PURE].includes(target(one))
  })
  t.same(list(wrong), [])
  t.same(list(local.filter(one => target(one) === 'dashboard' && one.room !== 'dashboard')), [])
})

t.test('platform rooms import what they may and no more, types included, and nobody imports main', async t => {
  for (const [room, may] of Object.entries(PLATFORMS)) {
    t.ok(local.filter(one => one.room === room).length > 0, `${room} is there`)
    const wrong = local.filter(one => one.room === room && ![room, ...may].includes(target(one)))
    t.same(list(wrong), [])
  }
  t.same(list(local.filter(one => target(one) === 'main' && one.room !== 'main')), [])
})
