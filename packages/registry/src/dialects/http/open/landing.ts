/** The page at "/": what this is, and where to go on. */
export function landingPage(version: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rollcall</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}code{background:#8883;padding:.1em .3em}</style>
<h1>Rollcall ${version}</h1>
<p>A service registry: services register here, stay alive by heartbeats, and are found.</p>
<ul>
<li><a href="/v2/default/services">/v2/default/services</a>: what is registered in the account <code>default</code></li>
<li><a href="/v2/default/events">/v2/default/events</a>: the latest events</li>
<li><a href="/v2/_/status">/v2/_/status</a>: this node</li>
<li><a href="/openapi.json">/openapi.json</a>: the native API, described in OpenAPI 3.1</li>
<li><a href="/metrics">/metrics</a>, <a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a></li>
</ul>
</html>
`;
}
