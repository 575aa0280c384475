/** An open registry on loopback takes nothing from web pages of other sites, and everything from programs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openListener, openSocket, serve } from "./rig.ts";

const BROWSER = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0";

const CASES: readonly (readonly [what: string, headers: readonly string[], status: number])[] = [
  ["a program", ["Host: 127.0.0.1:7070"], 200],
  ["a program by another name", ["Host: registry.example"], 200],
  [
    "our own page",
    ["Host: localhost:7070", BROWSER, "Origin: http://localhost:7070", "Sec-Fetch-Site: same-origin"],
    200,
  ],
  ["a browser's address bar", ["Host: [::1]:7070", BROWSER, "Sec-Fetch-Site: none"], 200],
  ["another site's page", ["Host: 127.0.0.1:7070", BROWSER, "Origin: http://evil.example"], 403],
  ["another site's page, without Origin", ["Host: 127.0.0.1:7070", BROWSER, "Sec-Fetch-Site: cross-site"], 403],
  ["a sandboxed page", ["Host: 127.0.0.1:7070", BROWSER, "Origin: null"], 403],
  ["a name made to point here", ["Host: evil.example", BROWSER], 403],
  ["a look-alike", ["Host: 127.0.0.1.evil.example", BROWSER], 403],
];

for (const [what, headers, status] of CASES) {
  test(`an open registry and ${what}: ${status}`, async (t) => {
    const { listener } = await openListener(t, { localOnly: () => true });
    serve(listener, "/", "x", (_request, reply) => reply.send(200, {}, "done"), "short");
    for (const method of ["GET", "POST"]) {
      const client = openSocket(t, listener.port);
      client.write(`${method} / HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`);
      assert.match(await client.until(/\r\n\r\n/), new RegExp(`^HTTP/1.1 ${status} `));
    }
  });
}

test("a registry with tokens leaves that to its tokens", async (t) => {
  const { listener } = await openListener(t, { localOnly: () => false });
  serve(listener, "/", "x", (_request, reply) => reply.send(200, {}, "done"));
  const client = openSocket(t, listener.port);
  client.write(`GET / HTTP/1.1\r\nHost: registry.example\r\n${BROWSER}\r\nOrigin: http://dashboard.example\r\n\r\n`);
  assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 200 /);
});
