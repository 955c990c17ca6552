// The file in which incidents outlive a restart, on a real file system: read, written whole, and never a reason not to start.

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { writeIncidents } from '../../src/incidents/file.js'
import type { Incident } from '../../src/incidents/incident.js'
import { openIncidentFile } from '../../src/main/incident-file.js'
import { epochMs, ms } from '../../src/units/units.js'

const incident = (number: number): Incident => ({
  number,
  cluster: 'demo',
  startedAt: epochMs(1_800_000_000_000 + number),
  cause: 'switchover',
  sign: 'failover key: pg1 → pg2',
  moments: { gate_closed: ms(0), confirmed: ms(1400) },
  held: 1,
  lost: 3,
  cut: 2,
  refused: 0,
  lasted: ms(1400),
})

function place(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'mekare-incidents-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'incidents.json')
  const warnings: string[] = []
  const warn = (what: string) => warnings.push(what)
  return { directory, path, warnings, open: (at = path) => openIncidentFile({ path: at, keep: 3, warn }) }
}

const numbers = (incidents: readonly Incident[]) => incidents.map(({ number }) => number)

t.test('what one process saved the next one knows, and nothing lies beside the file', async t => {
  const { directory, path, warnings, open } = place(t)
  const first = open()
  t.strictSame(first.past, [], 'no file is no reason to warn')
  for (let n = 1; n <= 5; n++) first.save([1, 2, 3, 4, 5].slice(0, n).map(incident))
  await first.close()
  t.strictSame(numbers(open().past), [3, 4, 5], 'the last ones are kept')
  t.strictSame(readdirSync(directory), ['incidents.json'])
  t.match(readFileSync(path, 'utf8'), /^\{\n "version": 1,/)
  t.strictSame(warnings, [])
})

t.test('another router that writes the same file loses nothing to this one', async t => {
  const { open } = place(t)
  const [old, young] = [open(), open()]
  old.save([incident(1)])
  await old.close()
  young.save([incident(2)])
  await young.close()
  t.strictSame(numbers(open().past), [1, 2])
})

t.test('a file that is no record of incidents is set aside, with a warning, and a new one begun', async t => {
  const { path, warnings, open } = place(t)
  writeFileSync(path, 'precious')
  const file = open()
  t.strictSame(file.past, [])
  t.equal(readFileSync(`${path}.unreadable`, 'utf8'), 'precious')
  t.strictSame(warnings, [`incidents.file: ${path} is not JSON; it is now ${path}.unreadable, and a new one is begun`])
  file.save([incident(1)])
  await file.close()
  t.strictSame(numbers(open().past), [1])
})

t.test('a directory in its place is left alone, and incidents are kept in memory', async t => {
  const { path, warnings, open } = place(t)
  mkdirSync(path)
  const file = open()
  file.save([incident(1)])
  await file.close()
  t.match(warnings, [/cannot be read \(EISDIR\); it is left alone, and incidents are kept in memory$/])
  t.strictSame(readdirSync(path), [])
})

t.test('a missing directory is warned of with the remedy; off asks for no file at all', async t => {
  const { directory, warnings, open } = place(t)
  const file = open(join(directory, 'none', 'incidents.json'))
  file.save([incident(1)])
  await file.close()
  t.match(warnings, [
    /^incidents\.file: the directory .*\/none does not exist; make it \(systemd: StateDirectory=mekare\)/,
  ])
  t.strictSame(open('off').past, [])
  t.equal(warnings.length, 1)
})

t.test('a disk that takes no more is warned of once, and written to again when it does', async t => {
  const { directory, path, warnings, open } = place(t)
  const file = open()
  rmSync(directory, { recursive: true })
  for (const n of [1, 2]) {
    file.save([incident(n)])
    await file.close()
  }
  t.strictSame(warnings, [`incidents.file: ${path} cannot be written (ENOENT)`])
  mkdirSync(directory)
  file.save([incident(3)])
  await file.close()
  t.strictSame(numbers(open().past), [3])
})

t.test('what a later version wrote beside is left out, and said', async t => {
  const { path, warnings, open } = place(t)
  writeFileSync(
    path,
    JSON.stringify({ version: 2, incidents: [JSON.parse(writeIncidents([incident(4)])).incidents[0], 7] }),
  )
  chmodSync(path, 0o600)
  t.strictSame(numbers(open().past), [4])
  t.match(warnings, [/holds 1 entries that are no incidents; left out$/])
})
