// What operators are given for Prometheus and Grafana speaks only of metrics, labels and words that mekare has.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { generateGrafana } from '../../src/admin/grafana/board.js'
import { LABEL_VALUES, METRICS, type MetricSpec, PREFIX } from '../../src/admin/metric-table.js'

const file = (name: string) => readFileSync(new URL(`../../../config/${name}`, import.meta.url), 'utf8')

interface AlertRule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}
const rules = (parse(file('prometheus-alerts.yml')) as { groups: { rules: AlertRule[] }[] }).groups.flatMap(
  group => group.rules,
)

interface Board {
  readonly panels: readonly {
    readonly type: string
    readonly title: string
    readonly gridPos: { readonly x: number; readonly w: number }
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
  }[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { query: string } }[]
  }
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
}
const board = JSON.parse(file('grafana-dashboard.json')) as Board
const drawn = board.panels.flatMap(({ title, targets = [] }) => targets.map(target => ({ title, ...target })))

/** Labels that Prometheus adds, or that a histogram has. */
const ADDED = ['job', 'instance', 'le']
const RECORDED = rules.flatMap(({ record }) => record ?? [])

interface Named {
  readonly metric: string
  readonly spec: MetricSpec
}

/** The metrics of mekare in an expression; a name that does not exist is one without specification. */
function metricsIn(expr: string): { readonly known: readonly Named[]; readonly unknown: readonly string[] } {
  const names = [...expr.matchAll(/[a-z_:]*mekare_[a-z0-9_:]+/g)]
    .map(([name]) => name)
    .filter(name => !RECORDED.includes(name))
  const known: Named[] = []
  const unknown: string[] = []
  for (const name of names) {
    const plain = name.replace(PREFIX, '')
    const base = Object.hasOwn(METRICS, plain) ? plain : plain.replace(/_(bucket|sum|count)$/, '')
    const spec: MetricSpec | undefined = Object.hasOwn(METRICS, base)
      ? METRICS[base as keyof typeof METRICS]
      : undefined
    if (spec !== undefined && (base === plain) !== (spec.type === 'histogram')) known.push({ metric: base, spec })
    else unknown.push(name)
  }
  return { known, unknown }
}

/** What is wrong with an expression: names and labels that do not exist, words that a label never has. */
function wrongIn(expr: string): readonly string[] {
  const { known, unknown } = metricsIn(expr)
  const labels = new Set([...known.flatMap(({ spec }) => spec.labels), ...ADDED])
  const asked = [...expr.matchAll(/\b(?:by|on|ignoring|without) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(/, */),
  )
  const wrong = [...unknown, ...asked.filter(label => !labels.has(label) && !recordedHas(expr, label))]
  for (const [, selector = ''] of expr.matchAll(/\{([^}]*)\}/g)) {
    for (const [, label = '', how = '', value = ''] of selector.matchAll(/([a-z_]+)(=~|!~|!=|=)"([^"]*)"/g)) {
      if (!labels.has(label)) wrong.push(label)
      const words: readonly string[] | undefined = Object.hasOwn(LABEL_VALUES, label)
        ? LABEL_VALUES[label as keyof typeof LABEL_VALUES]
        : undefined
      const meant = how.includes('~') ? value.split('|') : [value]
      if (words !== undefined)
        wrong.push(...meant.filter(word => !words.includes(word)).map(word => `${label}="${word}"`))
    }
  }
  return wrong
}

/** Labels of recorded series stand in their names, before the colon. */
const recordedHas = (expr: string, label: string): boolean =>
  RECORDED.some(name => expr.includes(name) && name.split(':')[0]?.split('_').includes(label))

t.test('the rules ask for what is there', async t => {
  t.ok(rules.length > 20, `${rules.length} rules`)
  for (const { alert, record, expr } of rules) t.same(wrongIn(expr), [], alert ?? record ?? '')
  t.same(wrongIn('sum by (clusterr) (mekare_gate_opened{cluster="x",cause="bad"})'), [
    'mekare_gate_opened',
    'clusterr',
    'cluster',
    'cause',
    'cause="bad"',
  ])
})

t.test('every alert says how urgent it is, what it means and what to do, and is tested', async t => {
  const tests = file('prometheus-alerts.test.yml')
  for (const { alert = '', labels = {}, annotations = {}, expr } of rules.filter(rule => rule.alert !== undefined)) {
    t.match(labels.severity, /^(page|ticket)$/, alert)
    t.same(Object.keys(annotations), ['summary', 'description', 'runbook'], alert)
    for (const word of ['Means:', 'Look at:', 'Do:']) t.match(annotations.runbook, word, `${alert}: ${word}`)
    t.match(tests, `"${alert}"`, `${alert} is tested`)
    const spoken = [
      ...Object.values(annotations)
        .join(' ')
        .matchAll(/\$labels\.([a-z]+)/g),
    ].map(([, label = '']) => label)
    const has = new Set([...metricsIn(expr).known.flatMap(({ spec }) => spec.labels), ...ADDED])
    t.same(
      spoken.filter(label => !has.has(label) && !recordedHas(expr, label)),
      [],
      `${alert} speaks of labels it has`,
    )
  }
})

t.test("Grafana's dashboard is as its table has it, and asks for what is there", async t => {
  t.equal(file('grafana-dashboard.json'), generateGrafana(), 'write it anew with node dist/src/admin/generate.js')
  t.ok(drawn.length > 30, `${drawn.length} questions`)
  for (const { title, expr, legendFormat } of drawn) {
    t.same(wrongIn(expr), [], title)
    const has = new Set([...metricsIn(expr).known.flatMap(({ spec }) => spec.labels), ...ADDED])
    const spoken = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
    t.same(
      spoken.filter(label => !has.has(label)),
      [],
      `${title}: ${legendFormat}`,
    )
    const grouped = /by \(([^)]*)\)/.exec(expr)?.[1]?.split(/, */)
    if (grouped)
      t.same(
        spoken.filter(label => !grouped.includes(label)),
        [],
        `${title}: ${legendFormat} of by (${grouped})`,
      )
  }
  for (const { expr } of board.annotations.list) t.same(wrongIn(expr), [])
  const asked = board.templating.list.map(({ query }) => (typeof query === 'string' ? query : query.query))
  for (const query of asked.filter(one => one.startsWith('label_values'))) t.same(metricsIn(query).unknown, [], query)
})

t.test('no panel stands beside the page', async t => {
  for (const { title, gridPos } of board.panels) t.ok(gridPos.x + gridPos.w <= 24, title)
})

t.test('whatever an alert may fire for has its row in doc/what-happens.md, and no row names another', async t => {
  const page = readFileSync(new URL('../../../doc/what-happens.md', import.meta.url), 'utf8')
  const named = new Set(page.match(/\bMekare[A-Z][A-Za-z]+/g))
  t.strictSame([...named].toSorted(), rules.flatMap(({ alert }) => alert ?? []).toSorted())
})
