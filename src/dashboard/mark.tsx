// A sign before a word: its shape says what its colour says.

import type { ComponentChildren } from 'preact'

export type Tone = 'good' | 'bad' | 'odd' | 'idle'

const SHAPES: Readonly<Record<Tone, string>> = { good: '●', bad: '✕', odd: '▲', idle: '○' }

export function Mark({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <span class={`mark ${tone}`}>
      <span aria-hidden="true">{SHAPES[tone]}</span> {children}
    </span>
  )
}
