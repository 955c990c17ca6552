// A real browser for the dashboard: Debian's Chromium, without a window and with a profile of its own that goes with it.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

/** How a page may be shown: in which colours, and how wide. */
const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1440, height: 844 } },
  dark: { colorScheme: 'dark', viewport: { width: 1440, height: 844 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 } },
} as const
const PICTURES = fileURLToPath(new URL('../../screenshots', import.meta.url))

/**
 * Pictures for a person to look at, `dist/screenshots/NAME-LOOK.png`, of a page as it was when its `content` was taken: so every look
 * shows one moment, however short that was. No script runs any more.
 */
export async function pictures(browser: Browser, content: string, name: string): Promise<void> {
  for (const [look, options] of Object.entries(LOOKS)) {
    const still = await browser.newPage({ ...options, javaScriptEnabled: false })
    await still.setContent(content)
    await still.screenshot({ path: join(PICTURES, `${name}-${look}.png`), fullPage: true })
    await still.close()
  }
}

/** By how much the page is wider than its window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
