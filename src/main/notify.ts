// Tells systemd what it asks to be told (sd_notify(3)): readiness, stopping, and a sign of life for its watchdog.

export interface Notifier {
  ready(): void
  /** A reload begins, and ends with reloaded(), whatever came of it. */
  reloading(): void
  reloaded(): void
  stopping(): void
  /** Another process is to be watched from now on; resolves when that is said. */
  handOver(pid: number): Promise<void>
  /** These sockets are to be kept for the process after this one, and no others. */
  store(sockets: readonly Stored[]): void
  stop(): void
}

export interface Stored {
  readonly name: string
  readonly bound: string
  readonly fd: number
}

interface Environment {
  readonly NOTIFY_SOCKET?: string | undefined
  readonly WATCHDOG_USEC?: string | undefined
  readonly WATCHDOG_PID?: string | undefined
}

const SILENT: Notifier = {
  ready: () => {},
  reloading: () => {},
  reloaded: () => {},
  stopping: () => {},
  handOver: async () => {},
  store: () => {},
  stop: () => {},
}

/** A notifier as the environment asks for it; without NOTIFY_SOCKET it does nothing. Failures are warned of once. */
export function createNotifier(env: Environment, warn: (what: string) => void): Notifier {
  const path = env.NOTIFY_SOCKET
  if (!path) return SILENT
  let timer: NodeJS.Timeout | undefined
  let warned = false
  // One after another: the first loads what sends, and what is said next must not overtake it.
  let sent = Promise.resolve()
  const send = (text: string, fd?: number) => {
    const said = sent.then(() => tell(path, text, fd))
    sent = said.catch((error: unknown) => {
      if (!warned) warn(`cannot tell systemd ${JSON.stringify(text)} at ${path}: ${String(error)}`)
      warned = true
    })
  }
  let stored: readonly Stored[] = []
  return {
    ready() {
      send(`READY=1\nMAINPID=${process.pid}`)
      const every = watchdogPeriod(env)
      // A third of the limit: one late turn of a busy loop must not look like a hang.
      if (every !== undefined) timer = setInterval(send, every / 3, 'WATCHDOG=1')
    },
    // Type=notify-reload wants the moment of the signal or later, on CLOCK_MONOTONIC, which hrtime reads.
    reloading: () => send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    reloaded: () => send('READY=1'),
    stopping: () => send('STOPPING=1'),
    async handOver(pid) {
      clearInterval(timer)
      send(`MAINPID=${pid}`)
      await sent
    },
    store(sockets) {
      const isIn = (list: readonly Stored[], one: Stored) =>
        list.some(each => each.name === one.name && each.fd === one.fd && each.bound === one.bound)
      for (const one of stored) if (!isIn(sockets, one)) send(`FDSTOREREMOVE=1\nFDNAME=${one.name}`)
      for (const one of sockets) if (!isIn(stored, one)) send(`FDSTORE=1\nFDNAME=${one.name}`, one.fd)
      stored = sockets
    },
    stop: () => clearInterval(timer),
  }
}

async function tell(path: string, text: string, fd?: number): Promise<void> {
  const { sendDatagram } = await import('../linux/notify.js')
  const errno = sendDatagram(path, text, fd)
  if (errno !== 0) throw new Error(`errno ${errno}`)
}

/** WATCHDOG_USEC in milliseconds, when it is meant for this process. */
function watchdogPeriod({ WATCHDOG_USEC: usec, WATCHDOG_PID: pid }: Environment): number | undefined {
  if (!usec || !(Number(usec) > 0)) return undefined
  return pid && Number(pid) !== process.pid ? undefined : Number(usec) / 1000
}
