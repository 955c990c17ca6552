// `mekare run`: brings a router up, alone or in the place of the process before it, lets it live, and owns the exit code.

import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT } from '../cli/deps.js'
import type { Config } from '../config/shape.js'
import { fromServiceManager } from '../listening/inherited.js'
import { boundGarbage } from './garbage.js'
import { createLife, type Life } from './life.js'
import { createNotifier } from './notify.js'
import { createRouter, type Router } from './router.js'
import { hearSignals } from './signals.js'
import { meetPredecessor, type Predecessor } from './successor.js'

export interface RunInput {
  readonly config: Config
  readonly version: string
  /** Loads the configuration anew. Throws a ConfigError. */
  readonly load: () => Config
}

/** Between two looks whether this process could serve what the one before it serves. */
const LOOK_MS = 20

/** Runs until a signal, a successor or a bug ends it; gives the exit code. */
export async function runProxy({ config, version, load }: RunInput): Promise<number> {
  boundGarbage()
  const signals = hearSignals()
  const predecessor = await meetPredecessor()
  const inherited = predecessor?.inherited ?? fromServiceManager(process.env, process.pid)
  let life: Life | undefined
  let router: Router | undefined
  const notifier = createNotifier(process.env, what => router?.report({ kind: 'warned', what }))
  const built = await createRouter({
    ...{ config, version, load, inherited, notifier },
    hindrance: () => life?.hindrance(),
    restart: async () => life?.restart() ?? { ok: false, why: 'not up yet' },
    predecessor: () => predecessor?.draining(),
  })
  if (typeof built === 'string') return refuse([built], predecessor)
  router = built
  if (predecessor) await comeAfter(predecessor, router)
  const problems = await router.open()
  if (problems.length > 0) {
    const code = await refuse(
      problems.map(({ why }) => why),
      predecessor,
    )
    await router.end()
    // What passes by itself (an address not up yet) may be tried again; what does not is for the operator to change.
    return problems.every(problem => problem.passing) ? EXIT.unavailable : code
  }
  const rest = inherited.settle()
  const { report, stored } = router
  if (predecessor) {
    await predecessor.taken(router.listening().map(({ key }) => key))
    report({ kind: 'took_over', from: predecessor.pid, pid: process.pid })
  } else for (const name of rest) report({ kind: 'warned', what: unknownSocket(name) })
  life = createLife(router, notifier)
  // Whom the service manager does not watch yet it does not hear.
  void (predecessor?.main ?? Promise.resolve()).then(() => {
    notifier.ready()
    notifier.store(stored())
  })
  return life.live(signals)
}

async function refuse(whys: readonly string[], predecessor: Predecessor | undefined): Promise<number> {
  for (const why of whys) process.stderr.write(`mekare: ${why}\n`)
  await predecessor?.fail(whys.join('\n'), true)
  return EXIT.config
}

/** Waits until everything is as ready here as it is there, and until the other gives way. */
async function comeAfter(predecessor: Predecessor, { config, proxy, office }: Router): Promise<void> {
  office.orders.obey(predecessor.orders)
  const needed = predecessor.ready.filter(listen => config().listen[listen])
  let told: string | undefined
  for (;;) {
    const missing = needed.map(listen => ({ listen, ...proxy.couldServe(listen) })).find(({ ok }) => !ok)
    if (!missing) break
    const why = `${missing.listen}: ${missing.why}`
    if (why !== told) predecessor.waiting(why)
    told = why
    await sleep(LOOK_MS)
  }
  office.orders.obey(await predecessor.mayTake())
}

const unknownSocket = (name: string) =>
  `the socket "${name}" was handed over and is closed: no listener is called so; name it like one (FileDescriptorName=write)`
