// What happened last, the latest first; what one looks for can be typed, and warnings can be had alone.

import { useState } from 'preact/hooks'
import { Mark, type Tone } from './mark.js'
import type { Line } from './state.js'
import { countWords, timeWords } from './words.js'

interface EventsProps {
  /** Oldest first. */
  readonly lines: readonly Line[]
  readonly now: number
}

const SHOWN = 100
const TONES: Readonly<Record<string, Tone>> = { info: 'idle', warn: 'odd', error: 'bad' }

export function Events({ lines, now }: EventsProps) {
  const [words, setWords] = useState('')
  const [least, setLeast] = useState('all')
  const [all, setAll] = useState(false)
  const found = lines.filter(line => (least === 'all' || line.level !== 'info') && matches(line, words)).toReversed()
  const shown = all ? found : found.slice(0, SHOWN)
  return (
    <>
      <form class="filter" onSubmit={event => event.preventDefault()}>
        <label>
          Containing <input type="search" value={words} onInput={event => setWords(event.currentTarget.value)} />
        </label>
        <label>
          Level{' '}
          <select value={least} onChange={event => setLeast(event.currentTarget.value)}>
            <option value="all">all</option>
            <option value="warn">warnings and errors</option>
          </select>
        </label>
        <span class="sub">
          {countWords(found.length)} of {countWords(lines.length)}
        </span>
      </form>
      {shown.length === 0 && (
        <p class="empty">{lines.length === 0 ? 'Nothing has happened yet.' : 'None like that.'}</p>
      )}
      <ol class="events">
        {shown.map(line => (
          <li key={line.id}>
            <time dateTime={new Date(line.at).toISOString()}>{timeWords(line.at, now)}</time>
            <Mark tone={TONES[line.level] ?? 'odd'}>{line.level}</Mark>
            <span>{line.message}</span>
          </li>
        ))}
      </ol>
      {found.length > shown.length && (
        <button type="button" onClick={() => setAll(true)}>
          show {countWords(found.length - shown.length)} more
        </button>
      )}
    </>
  )
}

/** Every word typed must be there, in any order. */
function matches({ message, fields }: Line, words: string): boolean {
  const text = `${message} ${fields.event}`.toLowerCase()
  return words
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}
