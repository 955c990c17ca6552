// Times of day, counts and rates as the page writes them. Everything else is in the words of the terminal. Knows no element.

const two = (n: number) => String(n).padStart(2, '0')

/** `03:04:05` in the reader's own time zone; with the date where it is not the day of `now`. */
export function timeWords(at: number, now: number): string {
  const date = new Date(at)
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return sameDay(date, new Date(now)) ? time : `${dayWords(date)} ${time}`
}

const dayWords = (date: Date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
const sameDay = (a: Date, b: Date) => dayWords(a) === dayWords(b)

/** `1,203` */
export const countWords = (n: number): string => n.toLocaleString('en-US')

/** `1 dial`, `1,203 dials` */
export const counted = (n: number, one: string): string => `${countWords(n)} ${n === 1 ? one : `${one}s`}`

/** `0.5/s`, `22/s` */
export function rateWords(rate: number): string {
  return `${rate > 0 && rate < 10 ? Number(rate.toFixed(1)) : countWords(Math.round(rate))}/s`
}
