/** What "/" says to those who are no browsers, and to those where no dashboard was built. */

const LINKS = [
  ["/ui/", "the dashboard"],
  ["/v2/default/services", "what is registered in the account default"],
  ["/v2/default/events", "the latest events"],
  ["/v2/_/status", "this node"],
  ["/openapi.json", "the native API, described in OpenAPI 3.1"],
  ["/metrics", "numbers for Prometheus"],
  ["/healthz", "whether it lives"],
  ["/readyz", "whether requests should come here"],
] as const;

export function landingText(version: string): string {
  const lines = LINKS.map(([path, what]) => `${path.padEnd(22)}${what}\n`);
  return `Rollcall ${version}\n\nServices register here, stay alive by heartbeats, and are found.\n\n${lines.join("")}`;
}

export function landingPage(version: string): string {
  const items = LINKS.filter(([path]) => path !== "/ui/").map(
    ([path, what]) => `<li><a href="${path}">${path}</a>: ${what}</li>\n`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rollcall</title>
<h1>Rollcall ${version}</h1>
<p>Services register here, stay alive by heartbeats, and are found. This program was built without its dashboard.</p>
<ul>
${items.join("")}</ul>
</html>
`;
}
