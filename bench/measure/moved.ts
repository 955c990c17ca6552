// What moving a known number of bytes took: mebibytes a second, and seconds of a processor that a gibibyte costs.

const GIB = 2 ** 30

export const rateOf = (bytes: number, seconds: number): number => (1024 * bytes) / GIB / seconds

/** @param micros what a process, or the machine, used of its processors meanwhile */
export const perGib = (bytes: number, micros: number): number => micros / 1e6 / (bytes / GIB)
