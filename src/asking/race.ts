// The same question to several endpoints side by side: the trusted one first, the others when it fails or is slow; first answer wins.

export interface Runner<T> {
  readonly endpoint: number
  /** Begins to ask; called at most once, and not at all when another answered before its turn. */
  readonly run: () => Promise<T>
}

export type Result<T> =
  | { readonly kind: 'won'; readonly endpoint: number; readonly answer: T }
  | { readonly kind: 'lost' }

/**
 * Runs `first` alone for `headStart` ms, then `others` beside it; at once when it fails or there is no first.
 * Each failure is told; after the winner's answer nothing is told any more. Never rejects.
 */
export function race<T>(
  first: Runner<T> | undefined,
  others: readonly Runner<T>[],
  headStart: number,
  failed: (endpoint: number, error: unknown) => void,
): Promise<Result<T>> {
  return new Promise(resolve => {
    let running = 0
    let waiting = others
    let over = false
    const finish = (result: Result<T>) => {
      over = true
      clearTimeout(timer)
      resolve(result)
    }
    const begin = ({ endpoint, run }: Runner<T>) => {
      running++
      run().then(
        answer => {
          if (!over) finish({ kind: 'won', endpoint, answer })
        },
        error => {
          running--
          if (over) return
          failed(endpoint, error)
          beginOthers()
          if (running === 0) finish({ kind: 'lost' })
        },
      )
    }
    const beginOthers = () => {
      const next = waiting
      waiting = []
      for (const runner of next) begin(runner)
    }
    const timer = setTimeout(
      () => {
        if (!over) beginOthers()
      },
      first === undefined ? 0 : headStart,
    )
    if (first !== undefined) begin(first)
    else beginOthers()
    if (running === 0 && waiting.length === 0 && !over) finish({ kind: 'lost' })
  })
}
