// Looks in on endpoints that stand by, so that how each is shown is how it is now, not how it was when it last served. Keeps a session
// with each for that. Chooses nobody.

export interface Lookout<S> {
  /** Asks each of them the same, side by side; `told` hears the error of each, or undefined where it answered. Never rejects. */
  look(names: readonly string[], question: (session: S) => Promise<unknown>): Promise<void>
  close(): void
}

/** `open` may throw: the endpoint has failed then. */
export function createLookout<S extends { close(): void }>(
  open: (name: string) => S,
  told: (name: string, error: unknown) => void,
): Lookout<S> {
  const kept = new Map<string, S>()
  let closed = false

  function drop(name: string): void {
    kept.get(name)?.close()
    kept.delete(name)
  }

  async function ask(name: string, question: (session: S) => Promise<unknown>): Promise<unknown> {
    try {
      const session = kept.get(name) ?? open(name)
      kept.set(name, session)
      await question(session)
      return undefined
    } catch (error) {
      drop(name)
      return error
    }
  }

  /** A session that was kept may have lost its connection or its token without fault of the endpoint: a fresh one decides. */
  async function lookAt(name: string, question: (session: S) => Promise<unknown>): Promise<void> {
    const wasKept = kept.has(name)
    const error = await ask(name, question)
    const last = error !== undefined && wasKept && !closed ? await ask(name, question) : error
    if (!closed) told(name, last)
  }

  return {
    async look(names, question) {
      for (const name of [...kept.keys()]) if (!names.includes(name)) drop(name)
      await Promise.all(names.map(name => lookAt(name, question)))
    },
    close() {
      closed = true
      for (const name of [...kept.keys()]) drop(name)
    },
  }
}
