// The dashboard in a real browser on a real cluster: a leader change seen as it happens, a router that is restarted under an
// open page, and what a person needs who does not see well or holds a phone.

import { cpSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { type ClientRequest, get } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { MOST_STREAMS } from '../../src/admin/streams.js'
import { openBrowser, overflow, pictures, seriousFindings } from '../lab/browser.js'
import { until } from '../lab/cluster.js'
import { startReader, startWriter } from '../lab/observers.js'
import { createStand } from '../lab/stand.js'

t.setTimeout(300_000)

const stand = await createStand({ network: 'loopback', etcd: 1, members: 2, proxies: 1, loopWait: 2 })
t.teardown(() => stand.down())
await stand.up()
// Sessions that stay do not hold up a stop for long.
const config = { session: { drainTimeout: '200ms' } }
let proxy = await stand.proxy('proxy1', { config })
const browser = await openBrowser()
t.teardown(() => browser.close())
await startWriter(stand, { to: proxy.write, everyMs: 20 })
await startReader(stand, { to: proxy.read, everyMs: 20 })

/** Whatever the browser complains of, its Content Security Policy first of all. */
const complaints: string[] = []

async function open(): Promise<Page> {
  const page = await browser.newPage()
  page.setDefaultTimeout(15_000)
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(error.message))
  await page.goto(`http://${proxy.admin}/`)
  await page.locator('.fresh', { hasText: 'live' }).waitFor()
  return page
}

/** This build with another version, but its page: the path of its program. */
function anotherBuild(version: string): string {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const copy = mkdtempSync(join(stand.dir, 'build-'))
  for (const part of ['bin', 'dist/src']) cpSync(join(root, part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  writeFileSync(join(copy, 'package.json'), JSON.stringify({ type: 'module', version }))
  return join(copy, 'bin', 'mekare.js')
}

const tile = (page: Page, title: string) => page.locator('.tile', { has: page.getByText(title, { exact: true }) })
const says = (page: Page, title: string, text: string | RegExp) => tile(page, title).filter({ hasText: text }).waitFor()
const row = (page: Page, name: string) => page.locator('tr', { has: page.getByRole('rowheader', { name }) })

const page = await open()
await page.evaluate("document.body.dataset.opened = 'once'")
const loadedOnce = async (t: Test) =>
  t.equal(await page.evaluate('document.body.dataset.opened'), 'once', 'the page was not loaded again')

await t.test('a page shows gate, leader, source, members and listeners, in the words of status', async t => {
  await says(page, 'Gate', 'OPEN to pg1')
  await says(page, 'Leader key', 'pg1')
  await says(page, 'etcd', /1 of 1 answer.*in use/)
  await page.locator('.attention', { hasText: 'nothing is wrong: write takes sessions for pg1; read takes' }).waitFor()
  await says(page, 'Last leader change', 'none is on record')
  await row(page, 'pg1').filter({ hasText: 'write yes: is the primary' }).waitFor()
  await row(page, 'pg2')
    .filter({ hasText: /read yes: replica, .* behind/ })
    .waitFor()
  await row(page, 'proxy1')
    .filter({ hasText: /this one.*open to pg1/ })
    .waitFor()
  t.match(await row(page, 'write').textContent(), /yes: takes sessions for pg1/)
  t.equal(await page.title(), `OPEN pg1 · ${JSON.parse((await proxy.get('/status')).body).name}`)
  await page.locator('.events').getByText('demo: gate open to pg1').waitFor()
  await pictures(browser, await page.content(), 'normal')
})

await t.test('a switchover is seen as it happens, and its record stays', async t => {
  const seen = Promise.all([says(page, 'Gate', 'CLOSED'), says(page, 'Last leader change', 'UNDER WAY')])
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
  const done = stand.switchover('pg2')
  await seen
  const moment = await page.content()
  t.strictSame(await seriousFindings(page), [], 'nothing serious to find while nobody leads, in the dark')
  await done
  await pictures(browser, moment, 'switchover')
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'no-preference' })
  await says(page, 'Gate', 'OPEN to pg2')
  await says(page, 'Last leader change', /pg1 → pg2.*took \d+\.\d{3}s: Patroni \d+\.\d{3}s, mekare 0\.\d{3}s/)
  await page
    .getByText(/a switchover was asked for \(failover key: pg1 → pg2\)/)
    .first()
    .waitFor()
  await row(page, 'pg2').filter({ hasText: 'write yes: is the primary' }).waitFor()
  await page.locator('.events').getByText('the leader key names pg2').waitFor()
  await loadedOnce(t)
})

await t.test('events can be looked through', async t => {
  const lines = page.locator('.events li')
  const all = await lines.count()
  await page.getByLabel('Level').selectOption('warn')
  await page.getByLabel('Containing').fill('CLOSED gate')
  await until(3000, 'the events are not filtered', async () => {
    const left = await lines.allTextContents()
    return (left.length > 0 && left.length < all && left.every(text => /gate closed/.test(text))) || undefined
  })
  await page.getByLabel('Containing').fill('')
  await page.getByLabel('Level').selectOption('all')
  t.ok((await lines.count()) >= all)
})

await t.test(
  'a router that is gone is said at once; one that is back is read again, its old incidents too',
  async t => {
    await proxy.stop()
    await page.locator('.fresh', { hasText: /stale since \d\d:\d\d:\d\d/ }).waitFor()
    t.match(await page.title(), /^stale/)
    await says(page, 'Gate', 'OPEN to pg2')
    proxy = await stand.proxy('proxy1', { config })
    await page.locator('.fresh', { hasText: 'live' }).waitFor()
    await says(page, 'Last leader change', 'pg1 → pg2')
    await page.locator('.events').getByText('started as').first().waitFor()
    t.equal(
      await page.locator('.events').getByText('the leader key names pg2, before it pg1').count(),
      1,
      'older events are kept, once',
    )
    await loadedOnce(t)
  },
)

await t.test('a page left open while the router becomes another version is loaded anew, and once only', async t => {
  const loads: string[] = []
  page.on('load', () => loads.push('load'))
  await proxy.stop()
  proxy = await stand.proxy('proxy1', { config, program: anotherBuild('99.0.0') })
  await page.getByText(`99.0.0, process ${proxy.child.pid},`).waitFor()
  await says(page, 'Gate', 'OPEN to pg2')
  await page.waitForTimeout(2000)
  t.strictSame(loads, ['load'], 'though the page it is served is the old one still')
  t.equal(await page.evaluate('document.body.dataset.opened'), undefined, 'it has forgotten what the one before knew')
})

await t.test('a member that is down and a listener without members stand out', async t => {
  await stand.stop('pg1', 'patroni')
  const attention = page.locator('.attention')
  await attention.filter({ hasText: /read lets nobody through: / }).waitFor()
  await attention.filter({ hasText: /pg1: no answer for/ }).waitFor()
  t.match(await row(page, 'pg1').textContent(), /no answer/)
  await pictures(browser, await page.content(), 'member-down')
})

await t.test(
  'no serious finding of axe-core, in light and dark; every control by keyboard; nothing wider than a phone',
  async t => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      t.strictSame(await seriousFindings(page), [], colorScheme)
    }
    for (const width of [390, 768, 1280, 1281, 1440]) {
      await page.setViewportSize({ width, height: 844 })
      t.equal(await overflow(page), 0, `at ${width} px`)
    }
    await page.setViewportSize({ width: 390, height: 844 })
    t.strictSame(await seriousFindings(page), [], 'on a phone')
    const fresh = await open()
    await fresh.keyboard.press('Tab')
    t.equal(await fresh.evaluate('document.activeElement?.textContent.trim()'), 'to the content')
    await fresh.keyboard.press('Tab')
    await fresh.keyboard.press('Enter')
    await fresh.locator(':root[data-theme=light]').waitFor()
    await fresh.close()
  },
)

await t.test('where no stream is left the page asks from time to time, and is live all the same', async t => {
  const [host = '', port] = proxy.admin.split(':')
  const streams: ClientRequest[] = []
  t.teardown(() => streams.map(stream => stream.destroy()))
  const answers = Array.from({ length: MOST_STREAMS }, () => {
    return new Promise(resolve => {
      const sent = get({ host, port, path: '/events', agent: false }, response => {
        response.resume()
        resolve(response.statusCode)
      })
      streams.push(sent.on('error', () => {}))
    })
  })
  t.ok((await Promise.all(answers)).includes(503), 'the page that is open has one of the hundred')
  const late = await open()
  await says(late, 'Gate', 'OPEN to pg2')
  await late.close()
})

t.strictSame(
  complaints.filter(text => !/ERR_CONNECTION|status of 503|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE/.test(text)),
  [],
  'the browser complained of nothing but a router that was away and a stream that was refused',
)
