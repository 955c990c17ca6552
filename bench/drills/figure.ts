// One measured figure of a drill, its bound and whether it holds. Knows numbers and words, nothing of servers.

export interface Figure {
  readonly name: string
  readonly value: number | string
  readonly unit: string
  /** What it must be, in words; empty for what is told only for the record. */
  readonly bound: string
  readonly ok: boolean
  /** The bound as a number, where it is one that must not be passed. */
  readonly limit?: number
}

/** A time or a count that must not be more than `limit`; one that could not be measured is over every limit. */
export function atMost(name: string, value: number | undefined, limit: number, unit: string): Figure {
  const bound = `≤ ${rounded(limit)} ${unit}`.trim()
  if (value === undefined) return { name, value: 'not seen', unit: '', bound, limit, ok: false }
  return { name, value: rounded(value), unit, bound, limit, ok: value <= limit }
}

export function atLeast(name: string, value: number, limit: number, unit = ''): Figure {
  return { name, value: rounded(value), unit, bound: `≥ ${rounded(limit)} ${unit}`.trim(), ok: value >= limit }
}

/** Something that must not have happened at all; `seen` is told when it did. */
export function none(name: string, count: number, seen = ''): Figure {
  return {
    name,
    value: count === 0 || seen === '' ? count : `${count}: ${seen}`,
    unit: '',
    bound: '0',
    ok: count === 0,
  }
}

/** Something that must be so, with the words that tell what was. */
export function must(name: string, ok: boolean, value: string, bound: string): Figure {
  return { name, value, unit: '', bound, ok }
}

/** For the record: no bound. */
export function noted(name: string, value: number | string | undefined, unit = ''): Figure {
  const shown = typeof value === 'number' ? rounded(value) : (value ?? 'not seen')
  return { name, value: shown, unit: value === undefined ? '' : unit, bound: '', ok: true }
}

/** The middle of the values (the higher of two); undefined where one is missing or there are none. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const known = allOf(values)
  return known?.toSorted((a, b) => a - b)[Math.floor(known.length / 2)]
}

/** The highest of the values; undefined where one is missing or there are none. */
export function worst(values: readonly (number | undefined)[]): number | undefined {
  const known = allOf(values)
  return known && Math.max(...known)
}

/** The lowest and the highest of the values: `65.2 to 83.1`. */
export function spread(values: readonly (number | undefined)[]): string | undefined {
  const known = allOf(values)
  return known && `${rounded(Math.min(...known))} to ${rounded(Math.max(...known))}`
}

function allOf(values: readonly (number | undefined)[]): number[] | undefined {
  const known = values.filter(value => value !== undefined)
  return known.length === values.length && known.length > 0 ? known : undefined
}

const rounded = (value: number) => Math.round(value * 10) / 10
