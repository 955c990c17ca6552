// The operator reloads a file with a mistake: the address stays, clients notice nothing, and one line says what is wrong.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Program } from '../../../test/lab/floating.js'
import { createPair, K, M } from '../../../test/lab/pair.js'
import { silence, wall } from '../../../test/lab/wiretap.js'
import { atMost, type Figure, must, none } from '../figure.js'
import { mekare } from './contender.js'
import { onWire, type Wire } from './site.js'
import { startTeam } from './team.js'

const INTERVAL = 100

/** What a program's log says of reloads. */
const reloadsIn = (program: Program): string[] =>
  program
    .text()
    .trimEnd()
    .split('\n')
    .flatMap(line => {
      const { msg } = JSON.parse(line) as { msg: string }
      return msg.startsWith('reload') ? [msg] : []
    })

async function brokenReload(wire: Wire): Promise<Figure[]> {
  const { hosts, tap, tenancy } = wire
  const team = await startTeam(wire, mekare(INTERVAL))
  const { configs } = createPair(hosts, `${INTERVAL}ms`, 'preempt: true')
  const good = readFileSync(configs[M], 'utf8')
  const since = wall()
  for (const [what, text] of [
    ['a value out of range', good.replace('priority: 250', 'priority: 300')],
    ['no YAML', `${good}\n}`],
    ['nothing', ''],
  ] as const) {
    hosts.file(configs[M].slice(hosts.dir.length + 1), text)
    team.program(M, 'sidecar').child.kill('SIGHUP')
    await sleep(1000)
    wire.say(`${what}: ${reloadsIn(team.program(M, 'sidecar')).at(-1)}`)
  }
  const until = wall()
  const said = reloadsIn(team.program(M, 'sidecar'))
  const unclear = said.find(words => !words.endsWith('nothing is changed'))
  const spells = tenancy.spells().filter(one => one.until > since)
  await team.end()
  return [
    atMost('longest time without an answer', silence(tap.answers, since, until), 100, 'ms'),
    none('takeovers', spells.filter(({ host }) => host === K).length),
    must(
      'the address never went',
      spells.filter(({ host }) => host === M).length === 1,
      `${spells.length} spell`,
      '1 spell',
    ),
    must('lines told', said.length === 3, String(said.length), '3, one for each'),
    must('each says that nothing is changed', unclear === undefined, unclear ?? 'yes', 'yes'),
  ]
}

export const badReload = onWire({
  name: 'reload',
  says: 'the sidecar that has the address is told to reload a broken file (SIGHUP), adverts 100 ms',
  run: brokenReload,
})
