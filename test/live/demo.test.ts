// The demo as a whole: the replay on a stand of its own ends well, says so in one JSON document, and leaves nothing behind. Its verdicts
// are those of psql, etcdctl, Patroni, `ip` and of clients, on real servers.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { canMakeNamespaces } from '../lab/network.js'
import type { Result } from '../lab/replay/step.js'

t.setTimeout(300_000)

const DEMO = fileURLToPath(new URL('../lab/demo.js', import.meta.url))

interface Document {
  readonly good: boolean
  readonly says: string
  readonly network: string
  readonly leftOut: readonly { readonly number: number; readonly why: string }[]
  readonly steps: readonly Result[]
}

t.test('the replay ends as it began: every verdict is good, or named as left out', async t => {
  const child = spawn(process.execPath, [DEMO, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGTERM'))
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  if (code !== 0) t.comment(stderr)
  t.equal(code, 0)
  const { good, says, network, leftOut, steps } = JSON.parse(stdout) as Document
  for (const { number, seconds, findings } of steps)
    for (const { by, saw } of findings) t.comment(`${number} (${seconds} s) ${by}: ${saw}`)
  t.ok(good, says)
  const [wanted, left] = (await canMakeNamespaces()) ? ['namespaces', []] : ['loopback', [2, 5, 11]]
  t.equal(network, wanted)
  t.strictSame(
    leftOut.map(({ number }) => number),
    left,
    'what needs a floating address is left out where there can be none, and only that',
  )
  for (const { number, title, verdict, findings } of steps) {
    if (left.includes(number)) continue
    t.ok(verdict === 'good' && findings.length > 0 && findings.every(each => each.good), title)
  }
  t.notMatch(readdirSync(tmpdir()).join(' '), new RegExp(`\\bmk${child.pid}\\b`), 'its directory is gone')
})

t.test('a word it does not know is answered with its usage', async t => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [DEMO, '--quick'], { encoding: 'utf8' })
  t.strictSame([status, stdout], [2, ''])
  t.match(stderr, /^usage: .*--pooler.*--exit.*--json/)
})
