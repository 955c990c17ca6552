// Times and sizes of HAProxy, keepalived and Patroni, written as ours.

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

/** Milliseconds in the largest unit that holds them whole: `90s`, `30min`. */
export function duration(milliseconds: number): string {
  if (milliseconds === 0) return '0s'
  const [unit, length] = UNITS.find(([, one]) => milliseconds % one === 0) ?? ['us', 0.001]
  return `${Math.round(milliseconds / length)}${unit}`
}

const HAPROXY: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** HAProxy's time in milliseconds: they are meant where no unit stands (manual, section 2.5). */
export function haproxyMs(text = ''): number | undefined {
  const [, number, unit = 'ms'] = /^(\d+)(us|ms|[smhd])?$/.exec(text) ?? []
  return number === undefined ? undefined : Number(number) * (HAPROXY[unit] ?? Number.NaN)
}

/** keepalived's seconds, fractions too, in milliseconds. */
export function keepalivedMs(text = ''): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1e6) / 1000 : undefined
}

/** Patroni's size (patroni/utils.py, parse_int): a number of bytes or with a binary unit, `16MB` being 16 MiB. */
export function patroniSize(text: string): string | undefined {
  const [, number, unit = 'B'] = /^(\d+)\s*(B|kB|MB|GB)?$/.exec(text) ?? []
  return number === undefined ? undefined : `${number}${{ B: 'B', kB: 'KiB', MB: 'MiB', GB: 'GiB' }[unit]}`
}
