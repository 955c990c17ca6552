// Starts test/lab/inside.ts somewhere and talks to it: orders go out, answers and news come back.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Orders, Told } from './inside.js'

const INSIDE = fileURLToPath(new URL('inside.js', import.meta.url))

interface Failed {
  readonly error: string
  readonly code: string | undefined
}

export interface Insider {
  readonly child: ChildProcess
  readonly told: Told[]
  /** The value, or the error as text where the order failed. */
  tell<K extends keyof Orders>(order: K, ...args: Parameters<Orders[K]>): Promise<unknown>
  /** The error of an order that must fail. */
  refused<K extends keyof Orders>(order: K, ...args: Parameters<Orders[K]>): Promise<Failed>
  leave(): Promise<number | null>
}

/** Starts it with a command before it: `ip netns exec NAME`, or `env` for right here. */
export function startInside(command: readonly string[]): Insider {
  const [program = '', ...args] = [...command, process.execPath, INSIDE]
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' })
  const told: Told[] = []
  const waiting = new Map<number, (answer: Failed & { value: unknown }) => void>()
  child.on('message', (message: { id?: number }) => {
    if (message.id === undefined) told.push(message as unknown as Told)
    else waiting.get(message.id)?.(message as unknown as Failed & { value: unknown })
  })
  let last = 0
  const ask = (order: string, args: unknown[]) => {
    const id = ++last
    const answer = new Promise<Failed & { value: unknown }>(resolve => waiting.set(id, resolve))
    child.send({ id, order, args })
    return answer
  }
  return {
    child,
    told,
    tell: async (order, ...args) => {
      const answer = await ask(order, args)
      if (answer.error !== undefined) throw new Error(`${order}: ${answer.error}`)
      return answer.value
    },
    refused: async (order, ...args) => await ask(order, args),
    leave: async () => {
      const ended = once(child, 'exit')
      child.disconnect()
      return (await ended)[0]
    },
  }
}
