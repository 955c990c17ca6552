// A part of the page under a heading of its own.

import type { ComponentChildren } from 'preact'

interface SectionProps {
  readonly title: string
  /** Said beside the title. */
  readonly sub?: string
  readonly children: ComponentChildren
}

export function Section({ title, sub, children }: SectionProps) {
  return (
    <section aria-label={title}>
      <h2>
        {title}
        {sub !== undefined && <span class="sub"> {sub}</span>}
      </h2>
      {children}
    </section>
  )
}
