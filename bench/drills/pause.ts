// Patroni is paused and then stopped everywhere: all keys with a lease expire, PostgreSQL runs on, and writes must too,
// also through a mekare that starts now and finds no member key.

import { setTimeout as sleep } from 'node:timers/promises'
import { now } from '../../test/lab/journal.js'
import { type Observer, startWriter } from '../../test/lab/observers.js'
import { eventually, type Field } from './field.js'
import { atLeast, atMost, type Figure, none } from './figure.js'
import { FAILSAFE, onStand } from './stand-site.js'

const SESSIONS = 3

async function pausedAndStopped(field: Field): Promise<Figure[]> {
  const { stand } = field
  await eventually(30_000, 'no failsafe key', async () => ((await stand.key('failsafe')) ?? '') !== '')
  const writer = await field.writer({ sessions: SESSIONS, everyMs: 20 })
  const arriving = await field.newcomers('write')
  const since = now()
  await stand.patroniPause()
  await Promise.all(stand.members.map(member => stand.stop(member, 'patroni')))
  await eventually(60_000, 'the keys did not expire', () => keysGone(field))
  await sleep(3000)
  const fresh = [
    ...(await throughFresh(field, 'failsafe key', { clusters: { demo: { patroni: undefined } } })),
    ...(await withoutFailsafeKey(field)),
  ]
  const until = now()
  const [old, coming] = [writer.summary(since, until), arriving.summary(since, until)]
  await resume(field)
  return [
    none('write sessions ended', old.queryErrors + old.connectFailures, JSON.stringify(old.errors)),
    atMost('longest time without a row', old.gap?.ms, 1000, 'ms'),
    none('new writers that failed', coming.queryErrors + coming.connectFailures, JSON.stringify(coming.errors)),
    atLeast('new writers served', coming.rows, Math.floor((until - since) / 400)),
    ...fresh,
  ]
}

async function keysGone({ stand }: Field): Promise<boolean> {
  const keys = ['leader', ...stand.members.map(member => `members/${member}`)]
  return (await Promise.all(keys.map(key => stand.key(key)))).every(value => value === undefined)
}

/** The failsafe key is there with failsafe mode only: a cluster without it is known by the addresses of last resort. */
async function withoutFailsafeKey(field: Field): Promise<Figure[]> {
  const { stand } = field
  const { namespace, scope } = stand.settings
  await stand.etcdctl('del', `${namespace}${scope}/failsafe`)
  const members = stand.members.map(member => `${stand.address(member)}:${stand.ports.postgres}`)
  return throughFresh(field, 'static.members', { clusters: { demo: { static: { members } } } })
}

async function throughFresh(field: Field, by: string, config: Record<string, unknown>): Promise<Figure[]> {
  const { stand } = field
  const begun = now()
  const proxy = await stand.proxy('proxy2', { config, waitReady: false })
  let writer: Observer | undefined
  try {
    await eventually(10_000, 'it did not listen', async () => (await proxy.get('/healthz')).status === 200)
    writer = await startWriter(stand, { to: proxy.write, name: `write-${by.replace(/\W/, '-')}` })
    await sleep(2000)
    const summary = writer.summary()
    const first = writer.entries().find(({ e }) => e === 'ok')
    return [
      atMost(`fresh proxy (${by}): first row, after its start`, first && first.t - begun, 10_000, 'ms'),
      none(
        `fresh proxy (${by}): failures`,
        summary.connectFailures + summary.queryErrors,
        JSON.stringify(summary.errors),
      ),
    ]
  } catch (error) {
    field.say(stand.tails(20, 'proxy2'))
    return [none(`fresh proxy (${by}): failures`, 1, (error as Error).message.split('\n')[0])]
  } finally {
    await writer?.stop()
    await proxy.stop()
  }
}

async function resume({ stand }: Field): Promise<void> {
  for (const member of stand.members) stand.start(member)
  await stand.untilLeader()
  await stand.patroniPause(false)
  await stand.untilStreaming()
}

export const pause = onStand({
  name: 'pause',
  says: 'Patroni paused, then stopped on all members',
  site: FAILSAFE,
  run: pausedAndStopped,
})
