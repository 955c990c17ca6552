// Hands news to the listener. A listener that throws is a bug of the listener: it surfaces, and the source goes on.

import type { SourceNews } from '../topology/topology.js'

/** A listener whose exception becomes an uncaught one of its own instead of ending the source's turn. */
export function telling(heard: (news: SourceNews) => void): (news: SourceNews) => void {
  return news => {
    try {
      heard(news)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
