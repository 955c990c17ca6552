// HAProxy's page of statistics → admin.address.

import { begins, type Finding, key, type Line, note } from '../finding.js'
import { written } from './ports.js'
import { isHttp, type ProxySection } from './proxies.js'

const EXPORTER = /prometheus-exporter/
const OPEN = 'metrics, health, status and the dashboard; it changes nothing'
const PASSWORD =
  "it had a password, and mekare's has none: so it is kept to this host; open it only to those who may read it"

/** Whether the proxy shows statistics. */
const shows = (proxy: ProxySection): boolean =>
  proxy.lines.some(line => begins(line, 'stats') || line.words.some(word => EXPORTER.test(word)))

/** The key admin.address from the first page there is, and what is to be said of all HTTP proxies. */
export function readPages(proxies: readonly ProxySection[]): readonly Finding[] {
  const http = proxies.filter(isHttp)
  const pages = http.filter(proxy => shows(proxy) && proxy.lines.some(line => begins(line, 'bind')))
  const [page] = pages
  return [
    ...(page === undefined ? [] : readPage(page)),
    ...pages.slice(1).flatMap(other => said(other, 'idle', 'admin.address shows everything; one is enough')),
    ...http.filter(proxy => !pages.includes(proxy)).flatMap(other => said(other, 'gone', HTTP)),
  ]
}

const HTTP = 'speaks HTTP: mekare forwards PostgreSQL only'

/** Of the section's own lines only: what it inherits is spoken of where it is used. */
function said({ head, lines }: ProxySection, tone: 'idle' | 'gone', why: string): readonly Finding[] {
  const own = lines.filter(({ file, no }) => file === head.file && no > head.no)
  return [head, ...own].map(line => note(tone, line, why))
}

function readPage(page: ProxySection): readonly Finding[] {
  const bind = page.lines.find(line => begins(line, 'bind'))
  const auth = page.lines.filter(line => begins(line, 'stats', 'auth'))
  const [, host = '', port = ''] = /^(?:ipv[46]@)?(.*):(\d+)$/.exec(bind?.words[1]?.split(',')[0] ?? '') ?? []
  if (bind === undefined || port === '')
    return said(page, 'idle', 'mekare shows its state on admin.address, 127.0.0.1:7000')
  const address = `${auth.length > 0 ? '127.0.0.1' : written(host)}:${port}`
  const from: readonly Line[] = [page.head, bind, ...auth]
  const rest = page.lines.filter(({ file, no }) => file === page.head.file && no > page.head.no)
  return [
    key('admin.address', address, from, auth.length > 0 ? PASSWORD : OPEN),
    ...rest.filter(line => !from.includes(line)).map(line => note('idle', line, PAGE)),
  ]
}

const PAGE = 'admin.address shows metrics (/metrics), the state (/status) and a page for people (/)'
