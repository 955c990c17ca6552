// Colour, width and the screen that is written over in place.

import t from 'tap'
import { columns, fittingColumns, widthOf, wrap } from '../../../src/cli/columns.js'
import { createPaint, wantsColour } from '../../../src/cli/paint.js'
import { renderStatus } from '../../../src/cli/render.js'
import { picture } from '../../../src/cli/screen.js'
import { plain, status } from './words.js'

t.test('colour only on a terminal and without NO_COLOR; it takes no room', async t => {
  t.equal(wantsColour(true, {}), true)
  t.equal(wantsColour(false, {}), false)
  t.equal(wantsColour(true, { NO_COLOR: '1' }), false)
  t.equal(wantsColour(true, { TERM: 'dumb' }), false)
  const rows = columns([
    [createPaint(true).bad('ab'), 'c'],
    ['abc', 'd'],
  ])
  t.strictSame(rows, ['\u001b[31mab\u001b[39m   c', 'abc  d'])
})

t.test('in a narrow terminal tables go without what can be spared, and nothing else is lost', async t => {
  const rows = [
    ['NAME', 'LONG COLUMN', 'N', 'WHY'],
    ['pg1', 'can be spared', '1', 'because'],
  ]
  const fitted = (width: number) => fittingColumns(rows, { width, spare: [1, 2] })
  t.strictSame(fitted(80)[1], 'pg1   can be spared  1  because')
  t.strictSame(fitted(20)[1], 'pg1   1  because')
  t.strictSame(fitted(13)[1], 'pg1   because')
  t.strictSame(fitted(5)[1], 'pg1   because', 'what is left stays')
  const narrow = renderStatus(status, plain, 80).split('\n')
  t.match(
    narrow.find(line => line.includes('MEMBER')),
    /MEMBER +NOW +LAG +SESSIONS +HEALTH/,
  )
  const why = renderStatus(status, plain, 80).includes('lag 21.0MiB is over maxLag 16.0MiB')
  t.ok(why, 'reasons stay')
})

t.test('a line too long is broken at blanks, its colours kept, its rest further in', async t => {
  t.strictSame(wrap('  short', 10), ['  short'])
  t.strictSame(wrap('  read   no   lag is over maxLag', 20), ['  read   no   lag is', '      over maxLag'])
  const red = createPaint(true).bad('CLOSED')
  t.strictSame(wrap(`gate ${red} because`, 12), [`gate ${red}`, '    because'])
  t.strictSame(wrap('abcdefghijkl', 8), ['abcd', '    efgh', '    ijkl'])
  t.ok(wrap('word '.repeat(50), 30).every(line => widthOf(line) <= 30))
})

t.test('a screen is written over in place, and says when it has no room', async t => {
  const shown = picture('a\nb\n', { columns: 80, rows: 24 })
  t.notMatch(shown, '\u001b[2J', 'nothing is cleared first')
  t.match(shown, '\u001b[Ha\u001b[K\r\nb\u001b[K\u001b[J')
  const small = picture('1\n2\n3\n4', { columns: 80, rows: 3 })
  t.match(small, /1.*\n2.*\n… 2 more lines/s)
  t.equal(small.split('\n').length, 3)
})
