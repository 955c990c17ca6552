// What a step of the replay is: something done or asked, and findings, each by an observer who is not the one judged. Knows no
// server and no terminal.

import type { Scene } from './scene.js'

/** One thing that was looked at. */
export interface Finding {
  /** Who looked: `psql`, `etcdctl`, `Patroni`, `ip addr`, `the writer`, `mekare status` …. */
  readonly by: string
  readonly saw: string
  /** Whether it is as it should be. */
  readonly good: boolean
  /** The time it tells, in milliseconds. */
  readonly ms?: number
}

export interface Step {
  readonly title: string
  /** Whether it is about the floating address, so left out where there can be none. */
  readonly floating: boolean
  play(scene: Scene): Promise<readonly Finding[]>
}

interface Parts<Seen> {
  readonly title: string
  readonly floating?: boolean
  /** Does it, and answers what was seen. Throws where it cannot go on. */
  readonly run: (scene: Scene) => Promise<Seen>
  /** Judges what was seen. */
  readonly verdict: (seen: Seen) => readonly Finding[]
}

/** A step of these parts. */
export function step<Seen>({ title, floating = false, run, verdict }: Parts<Seen>): Step {
  return { title, floating, play: async scene => verdict(await run(scene)) }
}

export type Verdict = 'good' | 'bad' | 'left out' | 'not reached'

export interface Result {
  readonly number: number
  readonly title: string
  readonly verdict: Verdict
  readonly seconds: number
  readonly findings: readonly Finding[]
  /** Why it was left out or not reached. */
  readonly why?: string
}
