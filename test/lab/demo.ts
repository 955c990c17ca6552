// `npm run demo`: the replay of an operator's exercise on real servers. Stays until Ctrl-C; with `--exit` it ends by itself, with 0
// when every verdict is good. `--json`: one document on stdout, progress on stderr. `--pooler`: through a PgBouncer beside each member.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Clients, startClients } from './replay/clients.js'
import { type Curtain, createCurtain } from './replay/curtain.js'
import { addresses, hints } from './replay/hints.js'
import { type DemoOptions, readOptions, USAGE } from './replay/options.js'
import { allGood, NO_ADDRESS, notReached, play } from './replay/play.js'
import { openScene, type Scene } from './replay/scene.js'
import { conclusion, findingLines, resultTable, sign, toJson } from './replay/show.js'
import type { Result } from './replay/step.js'
import { openWindow } from './replay/window.js'
import { columns, createScreen, type Screen } from './screen.js'
import { createStand, type Stand } from './stand.js'

/** Enough for what the clients and the observers have open at a time. */
const POOLERS = { mode: 'transaction', size: 20 } as const

async function replay(scene: Scene, screen: Screen, falling: AbortSignal): Promise<readonly Result[]> {
  let title = ''
  const renew = () => {
    if (title && !falling.aborted) screen.live([title, liveLine(scene.clients, screen)])
  }
  const renewing = setInterval(renew, 100)
  try {
    return await play(scene, falling, {
      begins: (number, what) => {
        title = `  ${screen.dim('·')} ${String(number).padStart(2)}  ${what} …`
        screen.live([title])
      },
      ended: result => {
        const { number, verdict, seconds } = result
        const time = seconds > 0 ? screen.dim(`  ${seconds.toFixed(1)} s`) : ''
        screen.live([])
        title = ''
        screen.line(`  ${sign(verdict, screen)} ${String(number).padStart(2)}  ${screen.bold(result.title)}${time}`)
        for (const line of findingLines(result, screen)) screen.line(line)
      },
    })
  } finally {
    clearInterval(renewing)
    screen.live([])
  }
}

/** One line of what the clients see now. */
const liveLine = (clients: Clients, screen: Screen) => `    ${clients.live().join(screen.dim('  │  '))}`

function report(results: readonly Result[], screen: Screen): void {
  screen.line()
  for (const line of resultTable(results, screen)) screen.line(line)
  screen.line()
  const { good, lines } = conclusion(results)
  for (const [i, line] of lines.entries())
    screen.line(`  ${i > 0 ? screen.bold(line) : good ? screen.good(line) : screen.bad(line)}`)
  screen.line()
}

/** Slower clients go on until Ctrl-C: their journals stay small. */
async function stay(
  scene: Scene,
  screen: Screen,
  outside: ReadonlyMap<string, string>,
  falling: AbortSignal,
): Promise<never> {
  screen.line(`  ${screen.bold('try it')} in another terminal:`)
  for (const line of columns(hints(scene, outside).map(([what, line]) => [`  ${screen.dim(what)}`, line])))
    screen.line(line)
  screen.line()
  screen.line(`  ${screen.bold('Ctrl-C')} ends it and clears everything away.`)
  await scene.clients.stop()
  const clients = await startClients(scene.stand, scene.doors, 200)
  for (;;) {
    screen.live([liveLine(clients, screen)])
    await sleep(100)
    falling.throwIfAborted()
  }
}

async function perform(stand: Stand, screen: Screen, curtain: Curtain, options: DemoOptions): Promise<number> {
  if (stand.floating === undefined) screen.line(screen.bold(`  ${NO_ADDRESS}; here clients know both mekare`))
  const scene = await openScene(stand, screen.step)
  screen.done()
  const outside = options.json ? new Map<string, string>() : await openWindow(stand, addresses(scene))
  if (!options.json) {
    const pages = scene.proxies.map(({ admin }) => `http://${outside.get(admin)}/`)
    screen.line(`  ${screen.dim(`the two mekare meanwhile, in a browser: ${pages.join('  ')}`)}`)
    screen.line()
  }
  const begun = performance.now()
  const results = await replay(scene, screen, curtain.falling)
  const code = allGood(results) ? 0 : 1
  curtain.mayEndWith(code)
  report(results, screen)
  if (options.json) process.stdout.write(toJson(stand.network, results, performance.now() - begun))
  if (code > 0) screen.line(stand.tails(10))
  return options.exit ? code : stay(scene, screen, outside, curtain.falling)
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  if (!options) {
    process.stderr.write(USAGE)
    return 2
  }
  const screen = createScreen(options.json ? process.stderr : process.stdout)
  const curtain = createCurtain(screen)
  screen.line(`${screen.bold('mekare demo')}: an operator's exercise, replayed on real servers`)
  const members = `three PostgreSQL under Patroni${options.pooler ? ' with a PgBouncer beside each' : ''}`
  screen.line(screen.dim(`  three etcd, ${members}, two mekare and a client, each a host of its own`))
  try {
    const { network, pooler } = options
    const poolers = pooler ? { poolers: POOLERS } : {}
    const stand = await curtain.hang(createStand({ network, ...poolers, endOnSignal: false, report: screen.step }))
    return await curtain.fall(await perform(stand, screen, curtain, options))
  } catch (error) {
    // The curtain falls already: what fails now fails because of it.
    if (curtain.falling.aborted) return curtain.fall(1)
    const why = (error as Error).message
    screen.done(false)
    screen.line(`  ${why}`)
    if (options.json) process.stdout.write(toJson(undefined, notReached(why), 0))
    return curtain.fall(1)
  }
}

process.exitCode = await main()
