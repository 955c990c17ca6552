// Plays the steps of the replay one after another, takes their time and gathers the verdicts. A step that cannot go on ends the
// replay: those after it build on it.

import { addressBack, broughtBack } from './back.js'
import { created, refused, seen } from './database.js'
import { firstHolder, firstState } from './first.js'
import { addressMoved, powerCut, whatIsLeft } from './loss.js'
import type { Scene } from './scene.js'
import type { Result, Step } from './step.js'
import { switchover } from './switchover.js'

/** In the order in which they are played. */
const STEPS: readonly Step[] = [
  ...[firstState, firstHolder, switchover, powerCut, addressMoved, whatIsLeft],
  ...[created, seen, refused, broughtBack, addressBack],
]

export const NO_ADDRESS = 'a floating address needs network namespaces: root on Linux, with iproute2'

export interface Audience {
  begins(number: number, title: string): void
  ended(result: Result): void
}

/** Plays all of them; the audience is told as it goes. Throws once it is aborted. */
export async function play(scene: Scene, falling: AbortSignal, audience: Audience): Promise<readonly Result[]> {
  const results: Result[] = []
  let broken: string | undefined
  for (const [index, step] of STEPS.entries()) {
    const number = index + 1
    const leftOut = step.floating && scene.stand.floating === undefined
    const blank = { number, title: step.title, seconds: 0, findings: [] }
    let result: Result
    if (leftOut) result = { ...blank, verdict: 'left out', why: NO_ADDRESS }
    else if (broken) result = { ...blank, verdict: 'not reached', why: broken }
    else {
      audience.begins(number, step.title)
      result = await playOne(scene, step, number)
      falling.throwIfAborted()
      if (result.why) broken = `step ${number} could not go on`
    }
    results.push(result)
    audience.ended(result)
  }
  return results
}

async function playOne(scene: Scene, step: Step, number: number): Promise<Result> {
  const begun = performance.now()
  const { title } = step
  const seconds = () => Math.round((performance.now() - begun) / 100) / 10
  try {
    const findings = await step.play(scene)
    const verdict = findings.every(({ good }) => good) ? 'good' : 'bad'
    return { number, title, verdict, seconds: seconds(), findings }
  } catch (error) {
    return { number, title, verdict: 'bad', seconds: seconds(), findings: [], why: (error as Error).message }
  }
}

/** The results where the scene could not be set. */
export const notReached = (why: string): readonly Result[] =>
  STEPS.map(({ title }, i) => ({ number: i + 1, title, verdict: 'not reached', seconds: 0, findings: [], why }))

/** Whether every step that was not left out is good. */
export const allGood = (results: readonly Result[]): boolean =>
  results.every(({ verdict }) => verdict === 'good' || verdict === 'left out')
