// `status --watch`: the screen of its own, from the first picture to giving the terminal back.

import t from 'tap'
import { ENTER, LEAVE } from '../../../src/cli/screen.js'
import { type Heard, watchOnScreen } from '../../../src/cli/watch.js'
import type { Status } from '../../../src/pools/status.js'
import { ms } from '../../../src/units/units.js'
import { plain, status } from './words.js'

/** Plays answers to a watch; gives what was written between entering and leaving, and whether the terminal was given back. */
async function watched(answers: readonly Heard[], columns = 100) {
  const written: string[] = []
  const left = [...answers]
  let [stop, given] = [() => {}, false]
  const terminal = {
    size: () => ({ columns, rows: 60 }),
    take(told: { readonly resized: () => void; readonly stop: () => void }) {
      stop = told.stop
      return () => {
        given = true
      }
    },
  }
  const ask = async () => left.shift() ?? Promise.reject(new Error('asked too often'))
  const out = (text: string) => {
    written.push(text)
    if (text !== ENTER && left.length === 0) stop()
  }
  const code = await watchOnScreen(terminal, out, { ask, paint: plain, now: () => ms(0) }).catch(error => error.message)
  return { code, written, given }
}

/** The primary told last. */
const moved = ({ clusters }: Status) => clusters.map(one => ({ ...one, members: one.members.toReversed() }))

t.test('status --watch shows the primary first, on a screen of its own, and gives the terminal back', async t => {
  const { code, written, given } = await watched([{ ok: true, status: { ...status, clusters: moved(status) } }])
  t.equal(code, 0)
  t.equal(given, true)
  t.equal(written[0], ENTER)
  t.equal(written.at(-1), LEAVE)
  t.match(written[1], /q ends.*gate +OPEN to pg1.*\n {2}pg1 .*\n {2}pg2 .*\n {2}pg3 /s)
})

t.test('status --watch says that a router is away; a screen that fails is given back too', async t => {
  const away = await watched([{ ok: false, why: 'nobody listens' }])
  t.match(away.written[1], /nobody listens/)
  const broken = await watched([])
  t.equal(broken.code, 'asked too often')
  t.equal(broken.given, true)
  t.equal(broken.written.at(-1), LEAVE)
})
