/** The harness itself, where a quiet mistake in it would make other tests pass. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { requirePackage } from "./packages.ts";
import { freePort } from "./ports.ts";
import { startProcess } from "./process.ts";
import { startRollcall } from "./program.ts";
import { openStream, rawRequest, request } from "./requests.ts";
import { temporaryDirectory, until } from "./scope.ts";

async function serve(t: TestContext): Promise<number> {
  const server = createServer((incoming, response) => {
    if (incoming.url !== "/stream") return void response.end(JSON.stringify({ path: incoming.url }));
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(': comment\n\nevent: change\nid: 4\ndata: {"a":');
    response.end("1}\n\ndata: last\n\n");
  }).listen(0, "127.0.0.1");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

test("a request's path goes out as written", async (t) => {
  const port = await serve(t);
  const path = "//a/../%zz/%2F?b=%00";
  assert.equal((await request(`http://127.0.0.1:${port}${path}`)).json().path, path);
  const raw = await rawRequest(port, `GET ${path} HTTP/1.0\r\n\r\n`);
  assert.ok(raw.text.includes(JSON.stringify({ path })), raw.text);
  assert.equal(raw.closed, true);
});

test("a stream keeps its events, also those that came in pieces, and says when one is missing", async (t) => {
  const stream = await openStream(t, `http://127.0.0.1:${await serve(t)}/stream`);
  const change = await stream.find(({ event }) => event === "change");
  assert.deepEqual([change.id, change.json()], ["4", { a: 1 }]);
  await until(() => stream.ended);
  assert.deepEqual(
    stream.events.map(({ data }) => data),
    ['{"a":1}', "last"],
  );
  await assert.rejects(
    stream.find(({ event }) => event === "never"),
    /before the stream ended/,
  );
});

test("waiting in vain fails with what was waited for and what was seen", async () => {
  const waiting = until(() => Promise.reject(new Error("seen last")), { timeoutMs: 50, what: "a miracle" });
  await assert.rejects(waiting, /50 ms in vain for: a miracle; last: seen last/);
});

test("a start that fails shows what the program said", async (t) => {
  await assert.rejects(startRollcall(t, { flags: ["--no-such-flag"] }), /no-such-flag[\s\S]*no-such-flag/);
});

test("free ports are all different, and none that the system gives out by itself", async () => {
  const ports = await Promise.all(Array.from({ length: 120 }, freePort));
  assert.equal(new Set(ports).size, ports.length);
  const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1");
  for (const port of ports) assert.ok(port < Number.parseInt(range, 10), `${port} is in ${range}`);
});

test("a missing peer gives a reason, and fails where tests must not be skipped", (t) => {
  assert.equal(requirePackage("bash", "bash").skip, false);
  const ci = process.env.CI;
  t.after(() => {
    if (ci === undefined) delete process.env.CI;
    else process.env.CI = ci;
  });
  delete process.env.CI;
  assert.match(String(requirePackage("some-package", "no-such-program").skip), /apt-get install some-package/);
  process.env.CI = "1";
  assert.throws(() => requirePackage("some-package", "no-such-program"), /never skipped/);
});

test("processes and directories end with their test", async (t) => {
  let directory = "";
  let pid = 0;
  await t.test("inner", (inner) => {
    directory = temporaryDirectory(inner);
    pid = startProcess(inner, "sleep", ["1000"]).pid;
  });
  await assert.rejects(
    import("node:fs/promises").then((fs) => fs.stat(directory)),
    /ENOENT/,
  );
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});
