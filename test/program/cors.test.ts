/** Web pages of other origins: only those that were allowed may use the native API, as browsers see to it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";

const APP = "https://app.example.com";
const BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0";
const rollcall = await startRollcall(
  { after },
  { dialects: "http,eureka", flags: ["--cors-origins", `${APP}, http://localhost:5173`] },
);

/** Headers that a browser sends without asking before. */
const SIMPLE = new Set(["accept", "accept-language", "content-language", "range"]);

interface Page {
  readonly fetch: typeof globalThis.fetch;
  preflights: number;
}

/** `fetch` as a page of this origin has it: the Fetch standard's checks, and nothing of an answer that is not allowed. */
function openPage(origin: string): Page {
  const page: Page = {
    preflights: 0,
    async fetch(input, init = {}) {
      const url = String(input);
      const method = init.method ?? "GET";
      const headers = Object.fromEntries(new Headers(init.headers));
      const unsafe = Object.keys(headers).filter((name) => !SIMPLE.has(name));
      if (!["GET", "HEAD", "POST"].includes(method) || unsafe.length > 0) {
        page.preflights++;
        const asked = await request(url, {
          method: "OPTIONS",
          headers: {
            Origin: origin,
            "User-Agent": BROWSER,
            "Sec-Fetch-Site": "cross-site",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": unsafe.join(","),
          },
        });
        const allowed = (name: string) =>
          String(asked.headers[name] ?? "")
            .toLowerCase()
            .split(/, */);
        const isAllowed =
          asked.status === 204 &&
          asked.headers["access-control-allow-origin"] === origin &&
          allowed("access-control-allow-methods").includes(method.toLowerCase()) &&
          unsafe.every((name) => allowed("access-control-allow-headers").includes(name));
        if (!isAllowed) throw new TypeError("Failed to fetch");
      }
      const answer = await globalThis.fetch(url, {
        ...init,
        headers: { ...headers, Origin: origin, "User-Agent": BROWSER },
      });
      if (answer.headers.get("access-control-allow-origin") !== origin) throw new TypeError("Failed to fetch");
      return answer;
    },
  };
  return page;
}

test("the client works on a page that is allowed: it registers, discovers, watches, and reads refusals", async (t) => {
  const page = openPage(APP);
  const client = createClient({ url: rollcall.url, fetch: page.fetch });
  const registration = await client.register({ service: "web", id: "w1", address: "127.0.0.1", port: 80, ttl: "10s" });
  t.after(() => registration.close());
  const found = client.discover("web");
  t.after(() => found.close());
  await found.ready;
  assert.deepEqual(
    found.instances.map(({ id }) => id),
    ["w1"],
  );
  await client.register({ service: "web", id: "w2", address: "127.0.0.1", port: 81, ttl: "10s" });
  await until(() => found.instances.length === 2, { what: "the stream to bring the other" });
  await client.config.put("a/key", "value");
  await assert.rejects(client.config.put("a/key", "other", { ifRevision: 0 }), { status: 412 });
  assert.ok(page.preflights > 0);
});

test("a page that is not allowed gets nothing, not even from an open registry", async () => {
  for (const origin of ["https://evil.example", `${APP}.evil.example`, "http://app.example.com", "null"]) {
    const headers = { Origin: origin, "User-Agent": BROWSER };
    const answer = await request(`${rollcall.url}/v2/default/services`, { headers });
    assert.equal(answer.status, 403, origin);
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
    await assert.rejects(
      openPage(origin).fetch(`${rollcall.url}/v2/default/services/x`, { method: "DELETE" }),
      TypeError,
    );
  }
});

test("answers say for whom they are, other ports and programs are as before", async () => {
  const at = `${rollcall.url}/v2/default/services/web`;
  const seen = await request(at, { headers: { Origin: APP } });
  assert.equal(seen.headers.vary, "Origin");
  assert.match(seen.headers["access-control-expose-headers"] ?? "", /ETag/);
  assert.equal(seen.headers["access-control-allow-credentials"], undefined);
  const plain = await request(at);
  assert.deepEqual([plain.status, plain.headers["access-control-allow-origin"]], [200, undefined]);
  const eureka = `http://127.0.0.1:${rollcall.port("eureka")}/eureka/apps`;
  const other = await request(eureka, { headers: { Origin: APP } });
  assert.deepEqual([other.status, other.headers["access-control-allow-origin"]], [403, undefined]);
});

test("with tokens all origins may be allowed; a page of an open registry has to be named", async (t) => {
  const env = { ROLLCALL_CORS_ORIGINS: "*" };
  const headers = { Origin: "https://any.example", "User-Agent": BROWSER };
  const open = await startRollcall(t, { env });
  assert.equal((await request(`${open.url}/v2/default/services`, { headers })).status, 403);
  const file = join(temporaryDirectory(t), "rollcall.yaml");
  const sha256 = createHash("sha256").update("secret").digest("hex");
  writeFileSync(file, JSON.stringify({ accounts: { shop: { tokens: [{ name: "page", role: "reader", sha256 }] } } }));
  const closed = await startRollcall(t, { env, flags: ["--config", file] });
  const shown = await request(`${closed.url}/v2/shop/services`, {
    headers: { ...headers, Authorization: "Bearer secret" },
  });
  assert.deepEqual([shown.status, shown.headers["access-control-allow-origin"]], [200, "*"]);
  const unknown = await request(`${closed.url}/v2/shop/services`, { headers });
  assert.deepEqual([unknown.status, unknown.headers["access-control-allow-origin"]], [401, "*"], "pages can tell why");
  const wrong = startRollcall(t, { flags: ["--cors-origins", "https://app.example.com/path"] });
  await assert.rejects(wrong, /cors\.origins must hold "\*" or origins such as/);
});
