// What operators are given beside the program, judged by the programs it is for: alert rules and the dashboard's questions by
// promtool, completion by the shells, the manual page by man and mandoc.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { stringify } from 'yaml'
import { ROWS } from '../../src/admin/grafana/board.js'
import { completionFor } from '../../src/cli/completion.js'
import { SHELLS, VERBS } from '../../src/cli/verbs.js'

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

function ran(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { status, out: stdout, text: error === undefined ? stdout + stderr : String(error) }
}

t.test('Prometheus takes the alert rules, and they fire as their tests say', async t => {
  for (const [verb, file] of [
    ['check', 'config/prometheus-alerts.yml'],
    ['test', 'config/prometheus-alerts.test.yml'],
  ] as const) {
    const { status, text } = ran('promtool', [verb, 'rules', at(file)])
    t.equal(status, 0, text)
  }
})

t.test("Prometheus can read every question of Grafana's dashboard", async t => {
  const questions = ROWS.flatMap(({ panels }) => panels).flatMap(({ queries }) => queries)
  const plain = (expr: string) =>
    expr
      .replaceAll(/\{\$[ch]/g, '{job="x"')
      .replaceAll('$__rate_interval', '1m')
      .replaceAll('$__range', '1h')
  const rules = questions.map(({ expr }, i) => ({ record: `question:${i}`, expr: plain(expr) }))
  const file = join(t.testdir(), 'questions.yml')
  writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules }] }))
  const { status, text } = ran('promtool', ['check', 'rules', file])
  t.equal(status, 0, text)
  t.match(text, new RegExp(`${questions.length} rules found`))
})

const words = (text: string) => text.split(/\s+/).filter(Boolean).sort()

t.test('bash, zsh and fish complete verbs, flags and arguments', async t => {
  const dir = t.testdir(Object.fromEntries(SHELLS.map(shell => [shell, completionFor(shell)])))
  const bash = (...line: string[]) =>
    ran('bash', [
      '-c',
      `source ${dir}/bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mekare; echo "\${COMPREPLY[@]}"`,
      'bash',
      ...line,
    ])
  const fish = (line: string) => {
    const { out } = ran('fish', ['--no-config', '-c', `source ${dir}/fish; complete -C "${line}"`], { HOME: dir })
    return { out: out.replace(/\t.*$/gm, '') }
  }
  t.same(words(bash('mekare', '').out), [...Object.keys(VERBS), '--help', '--version'].sort())
  t.same(words(bash('mekare', 'undr').out), ['undrain'])
  t.same(words(bash('mekare', 'status', '--w').out), ['--watch'])
  t.same(words(bash('mekare', 'explain', 'w').out), ['write'])
  t.same(words(bash('mekare', 'check', '--listen.read.maxLag').out), [
    '--listen.read.maxLag',
    '--listen.read.maxLagTime',
  ])
  t.same(words(fish('mekare ').out), Object.keys(VERBS).sort())
  t.same(words(fish('mekare completion ').out), [...SHELLS].sort())
  t.same(words(fish('mekare status --w').out), ['--watch'])
  const zsh = ran('zsh', [
    '-f',
    '-c',
    `autoload -Uz compinit; compinit -u -D; source ${dir}/zsh; echo $_comps[mekare]; ${ZSH}`,
  ])
  t.match(zsh.text, /^_mekare$/m)
  t.match(zsh.text, /^verb: .*\bundrain:Take a drain back\b/m, zsh.text)
  t.match(zsh.text, /^arguments: \*--json\[.*\*--watch\[/m, zsh.text)
})

/** The functions that zsh would ask tell what they were asked. */
const ZSH = `
  _describe() { local -a list; list=("\${(@P)4}"); print -r -- "verb: $list" }
  _arguments() { print -r -- "arguments: $*" }
  CURRENT=2; words=(mekare ''); _mekare
  CURRENT=3; words=(mekare status --w); _mekare
`

t.test('man and mandoc show the manual page without a warning', async t => {
  const page = at('doc/mekare.1')
  const shown = ran('man', ['--warnings', '-l', page], {
    MANROFFOPT: '-ww',
    MANPAGER: 'cat',
    MANWIDTH: '100',
    LC_ALL: 'C.UTF-8',
  })
  t.equal(shown.status, 0, shown.text)
  t.notMatch(shown.text, /warning|<standard input>:\d+/, shown.text)
  for (const verb of Object.keys(VERBS)) t.match(shown.out, new RegExp(`^ +mekare ${verb}`, 'm'))
  const { status, text } = ran('mandoc', ['-Tlint', page])
  t.equal(status, 0, text)
})
