// A real browser for the dashboard: Debian's Chromium, without a window and with a profile of its own that goes with it.

import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { findProgram } from './programs.js'

/** What a browser does of its own accord towards the world outside is turned off. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The path of a Chromium, wherever a distribution puts it. */
export const findBrowser = (): string | undefined =>
  ['chromium', 'chromium-browser', 'google-chrome'].map(findProgram).find(path => path !== undefined)

export function openBrowser(): Promise<Browser> {
  const executablePath = findBrowser()
  if (executablePath === undefined) throw new Error('no Chromium; run `node setup/prepare.js test` to install it')
  return chromium.launch({ executablePath, headless: true, args: FLAGS })
}

/** What axe-core finds wrong on the page now, as far as it is serious: a line each. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run())
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`))
}

/** By how much the page is wider than its window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
