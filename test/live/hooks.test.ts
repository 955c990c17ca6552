// Hooks as real programs and a real HTTP server: what they get, and that one that hangs, fails or is not there costs a line of the
// log and nothing else. No secret is in any of those lines.

import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config/load.js'
import type { Config } from '../../src/config/shape.js'
import type { Event } from '../../src/events/event.js'
import { createHooks } from '../../src/main/hooks.js'
import { epochMs, ms } from '../../src/units/units.js'
import { until } from '../lab/cluster.js'

type Rules = Readonly<Record<string, unknown>>

/** Hooks with the defaults of the configuration, and what they report. */
function hooksOf(t: Test, rules: Readonly<Record<string, Rules>>) {
  const whole = {
    on: ['leader', 'gate', 'address'],
    command: [],
    timeout: ms(2000),
    gateClosedFor: ms(0),
    perMinute: 100,
  }
  const hooks = Object.fromEntries(Object.entries(rules).map(([name, one]) => [name, { ...whole, ...one }]))
  const reported: Extract<Event, { kind: 'hook_ran' }>[] = []
  const dropped: Extract<Event, { kind: 'hook_dropped' }>[] = []
  const made = createHooks({
    config: () => ({ hooks: hooks as Config['hooks'], fleet: { name: 'gate1', enabled: true } }),
    now: () => ms(performance.now()),
    wall: () => epochMs(1_800_000_000_000),
    report(event) {
      if (event.kind === 'hook_ran') reported.push(event)
      if (event.kind === 'hook_dropped') dropped.push(event)
    },
  })
  t.teardown(made.stop)
  const ran = (count: number) =>
    until(8000, `not ${count} runs: ${JSON.stringify(reported)}`, async () =>
      reported.length >= count ? reported : undefined,
    )
  return { ...made, reported, dropped, ran }
}

const moved: Event = { kind: 'leader_changed', cluster: 'demo', from: 'pg1', to: 'pg2' }
const TOLD = {
  event: 'leader_changed',
  at: '2027-01-15T08:00:00.000Z',
  router: 'gate1',
  cluster: 'demo',
  from: 'pg1',
  to: 'pg2',
}

function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'mekare-hooks-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

t.test('a command gets the event on standard input and its name, and none of our environment', async t => {
  const file = join(directory(t), 'told')
  process.env.MEKARE_CLUSTERS__DEMO__PROBE__PASSWORD = 'hunter2'
  const { hear, ran } = hooksOf(t, { a: { command: ['/bin/sh', '-c', `cat > ${file}; env >> ${file}`] } })
  hear(moved)
  t.match(await ran(1), [{ hook: 'a', told: 'leader_changed', why: undefined }])
  const [json = '', ...env] = readFileSync(file, 'utf8').split('\n')
  t.strictSame(JSON.parse(json), TOLD)
  t.ok(env.includes('MEKARE_EVENT=leader_changed'))
  t.notMatch(env.join('\n'), /hunter2/)
})

t.test('one that hangs is killed with all it has started; others do not wait for it', async t => {
  const file = join(directory(t), 'pid')
  const hang = ['/bin/sh', '-c', `sleep 60 & echo $! > ${file}; wait`]
  const { hear, ran, reported } = hooksOf(t, {
    hangs: { command: hang, timeout: ms(400) },
    works: { command: ['/bin/true'] },
    fails: { command: ['/bin/false'] },
    missing: { command: ['/nowhere/tell'] },
    odd: { command: ['/bin/true', 'a\0b'] },
    closed: { command: ['/bin/sh', '-c', 'exec <&-; exit 0'] },
  })
  for (let i = 0; i < 3; i++) hear(moved)
  await ran(18)
  const whys = (name: string) => reported.filter(({ hook }) => hook === name).map(({ why }) => why)
  t.match(whys('hangs'), Array(3).fill('/bin/sh took more than 400ms and was killed'))
  t.match(whys('works'), [undefined, undefined, undefined])
  t.equal(reported[0]?.hook === 'hangs', false)
  t.match(whys('fails'), Array(3).fill('/bin/false ended with 1'))
  t.match(whys('missing'), Array(3).fill('/nowhere/tell cannot be run (ENOENT); correct the command'))
  t.match(whys('odd'), Array(3).fill(/^it could not be started \(/))
  t.match(whys('closed'), [undefined, undefined, undefined])
  const child = Number(readFileSync(file, 'utf8'))
  await until(2000, 'its child lives', async () => {
    try {
      process.kill(child, 0)
      return undefined
    } catch {
      return true
    }
  })
})

t.test('a URL gets it as JSON; what goes wrong is told without the URL', async t => {
  const bodies: unknown[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.startsWith('/hang')) return
    if (request.url?.startsWith('/away')) return response.writeHead(302, { location: '/ok' }).end()
    let body = ''
    for await (const part of request) body += part
    bodies.push({ type: request.headers['content-type'], ...JSON.parse(body) })
    return response.writeHead(request.url?.startsWith('/ok') ? 204 : 500).end('token-123 is bad')
  }
  const server = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const token = '?token=token-123'
  const { hear, ran, reported } = hooksOf(t, {
    ok: { url: `${at}/ok${token}` },
    bad: { url: `${at}/bad${token}` },
    hang: { url: `${at}/hang${token}`, timeout: ms(300) },
    away: { url: `${at}/away${token}` },
    nobody: { url: `http://127.0.0.1:1/${token}` },
  })
  hear(moved)
  await ran(5)
  t.match(bodies[0], { type: 'application/json', ...TOLD })
  const why = (name: string) => reported.find(({ hook }) => hook === name)?.why
  t.equal(why('ok'), undefined)
  t.equal(why('bad'), 'its URL answered HTTP 500')
  t.equal(why('hang'), 'its URL did not answer within 300ms')
  t.match(why('away'), /^its URL cannot be reached \(/)
  t.match(why('nobody'), /^its URL cannot be reached \(ECONNREFUSED|bad port|see that/)
  t.notMatch(JSON.stringify(reported), /token-123/)
})

t.test('a flood is thinned, and the next one says how many were left out', async t => {
  const file = join(directory(t), 'told')
  const { hear, ran, dropped } = hooksOf(t, {
    a: { command: ['/usr/bin/tee', '-a', file], perMinute: 2 },
    slow: { command: ['/bin/sleep', '2'] },
  })
  for (let i = 0; i < 50; i++) hear(moved)
  await ran(2)
  await new Promise(resolve => setTimeout(resolve, 200))
  t.equal(readFileSync(file, 'utf8').trimEnd().split('\n').length, 2)
  const count = (hook: string, because: string) =>
    dropped.filter(one => one.hook === hook && one.because === because && one.told === 'leader_changed').length
  t.strictSame([count('a', 'perMinute'), count('slow', 'waiting')], [48, 33], 'each that is left out is reported')
  t.equal(dropped.length, 81)
})

t.test('the configuration says what is wrong with a hook, and shows no URL', async t => {
  const load = (hook: Readonly<Record<string, unknown>>, secret?: string) => {
    const where = join(directory(t), 'mekare.yaml')
    const yaml = { clusters: { demo: { etcd: { hosts: ['a:1'] } } }, hooks: { h: hook } }
    const input = {
      flags: [],
      env: {},
      hostname: 'h',
      descriptorLimit: 1000,
      file: where,
      read(path: string) {
        if (path === where) return JSON.stringify(yaml)
        if (secret === undefined) throw Object.assign(new Error(), { code: 'ENOENT' })
        return secret
      },
    }
    try {
      return loadConfig(input).hooks.h?.url ?? 'good'
    } catch (error) {
      return (error as Error).message
    }
  }
  t.match(load({}), /hooks\.h\.url: is missing, and there is no command; give it a command, a url or a urlFile/)
  t.match(load({ command: ['/bin/true'], url: 'http://x/' }), /hooks\.h\.command: is given beside a url/)
  t.match(load({ command: ['tell'] }), /hooks\.h\.command: begins with tell, which is no absolute path/)
  t.match(load({ command: ['/bin/true'], on: ['leeder'] }), /hooks\.h\.on/)
  const bad = load({ url: 'ftp://x/token-123' })
  t.match(bad, /hooks\.h\.url: .* an http or https address/)
  t.notMatch(bad, /token-123/)
  t.equal(load({ url: 'https://x/token-123' }), 'https://x/token-123')
  t.equal(load({ urlFile: '/token' }, 'https://x/token-123\n'), 'https://x/token-123', 'a file takes its place')
  t.match(
    load({ urlFile: '/token' }),
    /^hooks\.h\.urlFile: "\/token" cannot be read \(ENOENT\);[^\n]*$/,
    'and nothing more',
  )
  t.match(load({ urlFile: '/token' }, '\n'), /^hooks\.h\.urlFile: "\/token" is empty; write the url into it/)
  t.match(
    load({ urlFile: '/token', url: 'http://x/' }, 'http://y/'),
    /urlFile: "\/token" is given beside a url; keep one/,
  )
  const odd = load({ urlFile: '/token' }, 'ftp://x/token-123')
  t.match(odd, /^hooks\.h\.url: .* an http or https address/)
  t.notMatch(odd, /token-123/)
})
