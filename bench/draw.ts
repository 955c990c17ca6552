// Draws charts as SVG, for light and for dark pages. Knows colours and ECharts; nothing of what was measured.

import { BarChart, CustomChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { CustomSeriesOption, CustomSeriesRenderItem, EChartsOption } from 'echarts/types/dist/echarts.js'
import type { Bar, Chart } from './judge/charts.js'

use([BarChart, CustomChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

export const THEMES = ['light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

/** Readable on GitHub's page of that theme; the ground stays transparent. */
const INK = {
  light: { text: '#1f2328', faint: '#d1d9e0' },
  dark: { text: '#e6edf3', faint: '#3d444d' },
}

/** Told apart also by who sees fewer colours (after Okabe and Ito); mekare's stands out. */
const COLOURS: Readonly<Record<string, string>> = {
  direct: '#8b949e',
  pgbouncer: '#009e73',
  haproxy: '#e69f00',
  'haproxy-template': '#e69f00',
  'haproxy-tuned': '#f0c866',
  'haproxy-keepalived': '#e69f00',
  mekare: '#3b82f6',
  'mekare-vrrp': '#3b82f6',
}

type CustomElement = Extract<ReturnType<CustomSeriesRenderItem>, { type: 'group' }>['children'][number]

const SIZE = { bars: { width: 860, height: 360 }, dots: { width: 860, height: 0 } }
const ROW_HEIGHT = 26

/** The chart as an SVG document. */
export function draw(chart: Chart, theme: Theme, titleOf: (contender: string) => string): string {
  const { width, height } = SIZE[chart.form]
  const size = { width, height: height || 110 + ROW_HEIGHT * chart.groups.length }
  const canvas = init(null, null, { renderer: 'svg', ssr: true, ...size })
  canvas.setOption(optionOf(chart, theme, titleOf))
  const svg = canvas.renderToSVGString()
  canvas.dispose()
  return `${svg}\n`
}

/** What ECharts is told. */
function optionOf(chart: Chart, theme: Theme, titleOf: (contender: string) => string): EChartsOption {
  const ink = INK[theme]
  const text = { color: ink.text, fontFamily: 'system-ui, sans-serif' }
  const categories = { type: 'category' as const, data: [...chart.groups], axisTick: { show: false } }
  const values = { ...scaleOf(chart), splitLine: lines(ink.faint) }
  const axis = { axisLabel: { ...text, fontSize: 12 }, axisLine: lines(ink.faint) }
  const dots = chart.form === 'dots'
  return {
    animation: false,
    textStyle: text,
    title: { text: chart.title, left: 8, top: 4, textStyle: { ...text, fontSize: 14, fontWeight: 600 } },
    legend: { show: !dots, top: 30, left: 8, textStyle: text, itemGap: 18 },
    grid: { left: dots ? DOT_NAMES : 70, right: 40, top: dots ? 40 : 84, bottom: 30 },
    xAxis: dots ? { ...axis, ...values } : { ...axis, ...categories },
    yAxis: dots ? { ...axis, ...categories, inverse: true } : { ...axis, ...values },
    series: chart.bars.flatMap(({ contender, values: bars }, i) => {
      const colour = COLOURS[contender] ?? '#a371f7'
      if (dots) return [dotted(bars, colour, ink.text, chart.digits)]
      return [
        {
          type: 'bar',
          name: titleOf(contender),
          itemStyle: { color: colour },
          barGap: GAP,
          data: bars.map(bar => bar?.value ?? '-'),
        },
        whiskers(bars, [i, chart.bars.length], ink.text, chart.digits),
      ]
    }),
  }
}

const lines = (color: string) => ({ show: true, lineStyle: { color } })

const figure = (value: number, digits: number) =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits })

/** A logarithmic axis has no zero to begin at: it reaches from one whole power to another, with dots on both sides of 1. */
function scaleOf({ scale, form, bars }: Chart) {
  if (scale === 'linear') return { type: 'value', boundaryGap: [0, '12%'] as [number, string] } as const
  const logBase = form === 'dots' ? 2 : 10
  const known = bars.flatMap(({ values }) => values.flatMap(bar => (bar ? [bar.low, bar.high] : [])))
  if (form === 'dots') known.push(1)
  const power = (value: number, round: (n: number) => number) => logBase ** round(Math.log(value) / Math.log(logBase))
  const min = power(Math.min(...known) * 0.9, Math.floor)
  return { type: 'log', logBase, min, startValue: min, max: power(Math.max(...known) * 1.1, Math.ceil) } as const
}

/** Between bars of one group. */
const GAP = '8%'
const DOT_NAMES = 330

/** From the low to the high end of each bar's interval, with the bar's figure above. */
function whiskers(
  bars: readonly (Bar | undefined)[],
  [at, of]: readonly [number, number],
  color: string,
  digits: number,
): CustomSeriesOption {
  const renderItem: CustomSeriesRenderItem = (_, api) => {
    const group = Number(api.value(0))
    const bar = bars[group]
    if (!bar) return undefined
    const shift = api.barLayout({ count: of, barGap: GAP })?.[at]?.offsetCenter ?? 0
    const [x = 0, low = 0] = api.coord([group, bar.low])
    const [, high = 0] = api.coord([group, bar.high])
    const label = { text: figure(bar.value, digits), x: x + shift, y: high - 4, fill: color, fontSize: 10 }
    return {
      type: 'group',
      children: [
        cross(x + shift, low, x + shift, high, color),
        { type: 'text', style: { ...label, textAlign: 'center', textVerticalAlign: 'bottom' } },
      ],
    }
  }
  return { type: 'custom', renderItem, silent: true, z: 3, data: bars.map((_, i) => [i]) }
}

function dotted(bars: readonly (Bar | undefined)[], colour: string, ink: string, digits: number): CustomSeriesOption {
  const renderItem: CustomSeriesRenderItem = (_, api) => {
    const row = Number(api.value(1))
    const bar = bars[row]
    if (!bar) return undefined
    const [x = 0, y = 0] = api.coord([bar.value, row])
    const [from = 0] = api.coord([bar.low, row])
    const [to = 0] = api.coord([bar.high, row])
    const [one = 0] = api.coord([1, row])
    const label = {
      text: figure(bar.value, digits),
      x: Math.max(x, to) + 8,
      y,
      fill: ink,
      verticalAlign: 'middle',
    } as const
    return {
      type: 'group',
      children: [
        cross(from, y, to, y, ink),
        {
          type: 'line',
          shape: { x1: one, x2: one, y1: y - ROW_HEIGHT / 2, y2: y + ROW_HEIGHT / 2 },
          style: { stroke: ink },
        },
        { type: 'circle', shape: { cx: x, cy: y, r: 5 }, style: { fill: colour } },
        { type: 'text', style: label },
      ],
    }
  }
  return { type: 'custom', renderItem, silent: true, data: bars.map((bar, i) => [bar?.value ?? 1, i]) }
}

/** A line with a short stroke across at both ends. */
function cross(x1: number, y1: number, x2: number, y2: number, stroke: string): CustomElement {
  const across = x1 === x2 ? { dx: 4, dy: 0 } : { dx: 0, dy: 4 }
  const line = (ax: number, ay: number, bx: number, by: number): CustomElement => ({
    type: 'line',
    shape: { x1: ax, y1: ay, x2: bx, y2: by },
    style: { stroke, lineWidth: 1.2 },
  })
  const end = (x: number, y: number) => line(x - across.dx, y - across.dy, x + across.dx, y + across.dy)
  return { type: 'group', children: [line(x1, y1, x2, y2), end(x1, y1), end(x2, y2)] }
}
