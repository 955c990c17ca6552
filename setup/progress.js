// Shows what goes on: one line that renews itself on a terminal, plain lines elsewhere. Knows nothing of what is done.

const terminal = process.stdout.isTTY === true
const paint = (/** @type {number} */ colour, /** @type {string} */ text) =>
  terminal && !process.env.NO_COLOR ? `\x1b[${colour}m${text}\x1b[0m` : text

/** @param {string} text */
export const say = text => process.stdout.write(`${text}\n`)

export const GOOD = paint(32, '✓')
export const BAD = paint(31, '✗')

/**
 * Does `work` under a title. Its notes show what it is at, on a terminal; a failure is passed on.
 * @template T
 * @param {string} title
 * @param {(note: (text: string) => void, line: (text: string) => void) => Promise<T>} work `note` is what it is at, `line` stays
 * @param {(result: T) => boolean} [isGood] whether what came of it deserves the good sign; by default it does
 * @returns {Promise<T>}
 */
export async function during(title, work, isGood = () => true) {
  const begun = Date.now()
  const seconds = () => `${((Date.now() - begun) / 1000).toFixed(1)} s`
  let note = ''
  const draw = () => {
    const width = (process.stdout.columns ?? 80) - 1
    process.stdout.write(`\r\x1b[2K${`  ${title} (${seconds()}) ${note}`.slice(0, width)}`)
  }
  const ticking = terminal ? setInterval(draw, 200) : undefined
  if (!terminal) say(`  ${title} …`)
  /** @param {string} sign */
  const end = sign => {
    clearInterval(ticking)
    process.stdout.write(`${terminal ? '\r\x1b[2K' : ''}${sign} ${title}, ${seconds()}\n`)
  }
  try {
    const result = await work(
      text => {
        note = text
      },
      text => say(`${terminal ? '\r\x1b[2K' : ''}  ${text}`),
    )
    end(isGood(result) ? GOOD : BAD)
    return result
  } catch (error) {
    end(BAD)
    throw error
  }
}
