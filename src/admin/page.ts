// The dashboard at `/` of the admin address: one page that holds its script and its style, served from memory. The policy it is
// served with names both by their digests and nothing else, so that nothing else can run, load or be framed.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { Answer } from './routes.js'

const FILE = new URL('../dashboard/index.html', import.meta.url)

/** The page as an answer to a request with these headers: compressed where the reader takes that, or a word that it has it. */
export type Page = (headers: IncomingHttpHeaders) => Answer

/** Reads the built page. Where it was not built, every request is told so; the rest of the admin address does not need it. */
export function loadPage(file = FILE): Page {
  const html = read(file)
  if (html === undefined) return () => UNBUILT
  const zipped = gzipSync(html, { level: 9 })
  // Weak: the same page, compressed or not.
  const etag = `W/"${digest(html, 'base64url').slice(0, 22)}"`
  const headers = {
    'content-security-policy': policyOf(html.toString()),
    // Kept, but asked about each time: a router of another version has another page.
    'cache-control': 'no-cache',
    vary: 'accept-encoding',
    etag,
  }
  const whole = { status: 200, type: 'text/html; charset=utf-8' }
  return asked => {
    if (asked['if-none-match']?.includes(etag)) return { ...whole, status: 304, body: '', headers }
    if (!/\bgzip\b/.test(String(asked['accept-encoding']))) return { ...whole, body: html, headers }
    return { ...whole, body: zipped, headers: { ...headers, 'content-encoding': 'gzip' } }
  }
}

const UNBUILT: Answer = {
  status: 503,
  type: 'text/plain; charset=utf-8',
  body: 'the dashboard is not part of this build: npm run build makes it; /status has the same as JSON\n',
}

function read(file: URL): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

const digest = (text: string | Buffer, form: 'base64' | 'base64url') => createHash('sha256').update(text).digest(form)

/** Content Security Policy Level 3: one script and one style, by digest; requests to where it came from and nowhere else. */
function policyOf(html: string): string {
  const only = (tag: string) => `'sha256-${digest(within(html, tag), 'base64')}'`
  return [
    "default-src 'none'",
    `script-src ${only('script')}`,
    `style-src ${only('style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function within(html: string, tag: string): string {
  return new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`).exec(html)?.[1] ?? ''
}
