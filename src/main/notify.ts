// Tells systemd what it asks to be told (sd_notify(3)): readiness, stopping, and a sign of life for its watchdog.

export interface Notifier {
  ready(): void
  /** A reload begins, and ends with reloaded(), whatever came of it. */
  reloading(): void
  reloaded(): void
  stopping(): void
  stop(): void
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
  stop: () => {},
}

/** A notifier as the environment asks for it; without NOTIFY_SOCKET it does nothing. Failures are warned of once. */
export function createNotifier(env: Environment, warn: (what: string) => void): Notifier {
  const path = env.NOTIFY_SOCKET
  if (!path) return SILENT
  let timer: NodeJS.Timeout | undefined
  let warned = false
  const send = (text: string) => {
    tell(path, text).catch((error: unknown) => {
      if (!warned) warn(`cannot tell systemd ${JSON.stringify(text)} at ${path}: ${String(error)}`)
      warned = true
    })
  }
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
    stop: () => clearInterval(timer),
  }
}

async function tell(path: string, text: string): Promise<void> {
  const { sendDatagram } = await import('../linux/notify.js')
  const errno = sendDatagram(path, text)
  if (errno !== 0) throw new Error(`errno ${errno}`)
}

/** WATCHDOG_USEC in milliseconds, when it is meant for this process. */
function watchdogPeriod({ WATCHDOG_USEC: usec, WATCHDOG_PID: pid }: Environment): number | undefined {
  if (!usec || !(Number(usec) > 0)) return undefined
  return pid && Number(pid) !== process.pid ? undefined : Number(usec) / 1000
}
