// A small drawing of the last ten minutes, and the same in a sentence for who cannot see it.

import { KEPT } from '../history/history.js'
import { draw, HEIGHT, WIDTH } from './draw.js'

interface SparkProps {
  readonly values: readonly (number | null)[] | undefined
  /** What is drawn: `lag of pg2`. */
  readonly of: string
  readonly words: (value: number) => string
}

export function Spark({ values = [], of, words }: SparkProps) {
  const { path, area, most, last } = draw(values, KEPT)
  if (path === '') return null
  const said = last === undefined ? 'not known now' : `now ${words(last)}`
  return (
    <span class="spark">
      <svg
        role="img"
        aria-label={`${of} in ten minutes: ${said}, at most ${words(most)}`}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
      >
        <path class="area" d={area} />
        <path class="line" d={path} />
      </svg>
      <span class="sub" aria-hidden="true" title="the most in ten minutes">
        {words(most)}
      </span>
    </span>
  )
}
