// The page at `/` of the admin address: what can be read here, as links.

/** A plain page without script; `name` is this router's. */
export function indexPage(name: string, version: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>mekare on ${html(name)}</title>
<h1>mekare ${html(version)} on ${html(name)}</h1>
<ul>
<li><a href="/status">/status</a>: clusters, members, listeners (JSON)</li>
<li><a href="/readyz">/readyz</a>: whether every listener would join a session now; one of them: <code>/readyz?listener=NAME</code></li>
<li><a href="/healthz">/healthz</a>: whether the process works</li>
<li><a href="/metrics">/metrics</a>: for Prometheus</li>
<li><a href="/events">/events</a>: what happened last, and what happens (server-sent events)</li>
</ul>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, c => ENTITIES[c] ?? c)
}
