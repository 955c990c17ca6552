// A series as the path of a line: time to the right, the most to the top, nothing where nothing was known. Knows no element.

export const WIDTH = 100
export const HEIGHT = 24
/** Half a line's width: a line at the very edge would be cut. */
const MARGIN = 1.5

export interface Drawing {
  /** SVG path data, empty where nothing is to be drawn. */
  readonly path: string
  /** The same, closed down to the bottom. */
  readonly area: string
  readonly most: number
  readonly last: number | undefined
}

/** Draws the last `room` values against zero and their own maximum; fewer values fill the right side. */
export function draw(values: readonly (number | null)[], room: number): Drawing {
  const shown = values.slice(-room)
  const most = Math.max(0, ...shown.map(value => value ?? 0))
  const step = WIDTH / Math.max(1, room - 1)
  const x = (i: number) => round(WIDTH - (shown.length - 1 - i) * step)
  const y = (value: number) => round(HEIGHT - MARGIN - (most === 0 ? 0 : value / most) * (HEIGHT - 2 * MARGIN))
  const runs = runsOf(shown)
  const line = (run: Run) => run.map(([i, value]) => `${x(i)},${y(value)}`).join('L')
  return {
    path: runs.map(run => `M${line(run)}${run.length === 1 ? 'h0.01' : ''}`).join(''),
    area: runs
      .map(run => `M${x(run[0]?.[0] ?? 0)},${HEIGHT}L${line(run)}L${x(run.at(-1)?.[0] ?? 0)},${HEIGHT}Z`)
      .join(''),
    most,
    last: shown.at(-1) ?? undefined,
  }
}

type Run = readonly (readonly [i: number, value: number])[]

/** The stretches without a gap. */
function runsOf(values: readonly (number | null)[]): readonly Run[] {
  const runs: [number, number][][] = []
  let run: [number, number][] | undefined
  for (const [i, value] of values.entries()) {
    if (value === null) run = undefined
    else if (run) run.push([i, value])
    else {
      run = [[i, value]]
      runs.push(run)
    }
  }
  return runs
}

const round = (n: number) => Math.round(n * 10) / 10
