// Whether the page that is open still belongs to the router that it hears. Knows no network and loads nothing.

/** What a page keeps over a reload: of the browser's sessionStorage what is used. */
export interface Kept {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** Somebody who goes back to an older version and forth again within this time sees to his page himself, in ms. */
const ONCE_IN = 3_600_000

/**
 * Whether a page of one version that hears a router of another one should be loaded anew: that has another page, and may tell what
 * this one cannot read. Says yes once for two versions, however often it is asked: what stands in between (a cache, a balancer before
 * two routers) may go on serving the page of the other. `now`: by the wall clock, in ms.
 */
export function isOutdated(own: string | undefined, told: string, kept: Kept, now: number): boolean {
  if (own === undefined || own === told) return false
  const key = `mekare ${own} → ${told}`
  try {
    if (now - Number(kept.getItem(key) ?? Number.NEGATIVE_INFINITY) < ONCE_IN) return false
    kept.setItem(key, String(now))
    return true
  } catch {
    // Nothing can be kept: then it could not be known that this had been done.
    return false
  }
}
