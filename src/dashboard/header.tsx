// Whose page it is, whether it is up to date, and how it looks.

import { useEffect, useState } from 'preact/hooks'
import { formatMs, ms } from '../units/units.js'
import { Mark } from './mark.js'
import { type Seen, staleness } from './state.js'
import { timeWords } from './words.js'

interface HeaderProps {
  readonly seen: Seen
  /** On the page's own clock. */
  readonly now: number
}

export function Header({ seen, now }: HeaderProps) {
  const { status } = seen
  return (
    <header>
      <div>
        <h1>
          mekare <span>{status?.name}</span>
        </h1>
        {status && (
          <p class="sub">
            {status.version}, process {status.pid}, up {formatMs(status.up)} since{' '}
            {timeWords(status.at - status.up, status.at)}
          </p>
        )}
      </div>
      {status?.stopping && <Mark tone="bad">STOPPING</Mark>}
      {status?.drained !== undefined && <Mark tone="odd">DRAINED</Mark>}
      <Freshness seen={seen} now={now} />
      <Theme />
    </header>
  )
}

function Freshness({ seen, now }: HeaderProps) {
  const stale = staleness(seen, now)
  return (
    <p class="fresh" role="status">
      {freshness(seen)}
      {stale && (
        <span class="why">
          for {formatMs(ms(Math.max(0, now - stale.since)))}: {stale.why}; trying again
        </span>
      )}
    </p>
  )

  function freshness({ heardAt, lost }: Seen) {
    if (stale) return <Mark tone="bad">stale since {timeWords(stale.since, now)}</Mark>
    if (heardAt !== undefined) return <Mark tone="good">live</Mark>
    return lost === undefined ? <Mark tone="idle">connecting</Mark> : <Mark tone="bad">{lost}; trying again</Mark>
  }
}

const THEMES = ['auto', 'light', 'dark'] as const
type ThemeName = (typeof THEMES)[number]
const KEPT_AS = 'mekare-theme'

function Theme() {
  const [theme, setTheme] = useState<ThemeName>(kept)
  useEffect(() => {
    document.documentElement.dataset.theme = theme
    keep(theme)
  }, [theme])
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto'
  return (
    <button type="button" onClick={() => setTheme(next)} title={`change to ${next}`}>
      colours: {theme}
    </button>
  )
}

/** A browser may forbid to keep anything; then the choice lasts as long as the page. */
function kept(): ThemeName {
  try {
    return THEMES.find(one => one === localStorage.getItem(KEPT_AS)) ?? 'auto'
  } catch {
    return 'auto'
  }
}

function keep(theme: ThemeName): void {
  try {
    localStorage.setItem(KEPT_AS, theme)
  } catch {
    return
  }
}
