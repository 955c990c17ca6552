// Asks PostgreSQL itself, over one kept connection per member. A connection that breaks is told at once.
// Knows when to connect anew and with or without TLS. Knows nothing of health.

import type { Socket } from 'node:net'
import type { Answer } from '../health/answer.js'
import { type Line, type Login, lineOver } from './login.js'
import { openTcp, openTls } from './open.js'
import type { Prober, ProberDeps, ProbeTarget } from './prober.js'
import { answerFromRow } from './question.js'
import { type Asker, createTurns } from './turns.js'
import { addressText, tookTooLong, type UnaskedAnswer, unaskedFrom } from './unasked.js'

/** A prober by SQL. Connecting, logging in and asking together take `config.timeout` at most. */
export function createSqlProber(config: Login, deps: ProberDeps): Prober {
  return createTurns('sql', (target, lost) => createSqlAsker(target, config, lost), deps)
}

type Wire = 'tls' | 'plain'

/** How long a connection gets to close in order before it is destroyed. */
const GOODBYE_MS = 200

function createSqlAsker(target: ProbeTarget, config: Login, lost: (answer: UnaskedAnswer) => void): Asker {
  const where = addressText(target.address)
  const sockets = new Set<Socket>()
  let line: Line | undefined
  let asking = false
  // With sslmode prefer: what worked last.
  let wire: Wire = config.sslmode === 'disable' ? 'plain' : 'tls'

  const hold = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }

  const drop = (): void => {
    line = undefined
    for (const socket of sockets) socket.destroy()
  }

  const login = async (how: Wire): Promise<Line> => {
    const open = how === 'tls' ? openTls(target.address, config, hold) : openTcp(target.address, hold)
    const fresh = lineOver(await open, target.address, config)
    const { client } = fresh
    const broke = (error: Error): void => {
      if (fresh !== line) return
      drop()
      if (!asking) lost(unaskedFrom(error, where))
    }
    client.on('error', broke)
    client.on('end', () => broke(new Error('Connection terminated')))
    await client.connect()
    return fresh
  }

  // As libpq with sslmode=prefer: what fails for the encryption or the login is tried once the other way.
  const enter = async (): Promise<Line> => {
    try {
      return await login(wire)
    } catch (error) {
      const { reason } = unaskedFrom(error, where)
      if (config.sslmode !== 'prefer' || (reason !== 'tls' && reason !== 'auth')) throw error
      drop()
      const other: Wire = wire === 'tls' ? 'plain' : 'tls'
      const fresh = await login(other).catch(() => Promise.reject(error))
      wire = other
      return fresh
    }
  }

  const question = async (): Promise<Answer> => {
    line ??= await enter()
    return answerFromRow(await line.ask())
  }

  return {
    async ask() {
      asking = true
      let late = false
      const deadline = setTimeout(() => {
        late = true
        drop()
      }, config.timeout)
      try {
        return await question()
      } catch (error) {
        drop()
        return late ? tookTooLong(where, config.timeout) : unaskedFrom(error, where)
      } finally {
        clearTimeout(deadline)
        asking = false
      }
    },
    async close() {
      const leaving = line?.client
      line = undefined
      if (leaving === undefined || asking) return drop()
      const impatience = setTimeout(drop, GOODBYE_MS)
      await leaving.end().catch(() => {})
      clearTimeout(impatience)
      drop()
    },
  }
}
