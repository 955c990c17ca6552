// Signals, heard from the beginning, since one that nobody hears ends a process, and served once there is somebody to serve them.

const HEARD = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const

export type Signal = (typeof HEARD)[number]

export interface Signals {
  /** From now on these are served, those first that have come already. */
  serve(by: (signal: Signal) => void): void
}

export function hearSignals(): Signals {
  let early: Signal[] = []
  let serve = (signal: Signal): void => {
    early.push(signal)
  }
  for (const signal of HEARD) process.on(signal, () => serve(signal))
  return {
    serve(by) {
      serve = by
      for (const signal of early) by(signal)
      early = []
    },
  }
}
