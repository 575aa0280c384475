/** Long lists of Eureka, Rackspace and SkyDNS, in 512 MB: whole, or in pages, and nobody else waits for them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Rollcall } from "../harness/program.ts";
import { openTenant } from "../rackspace/rig.ts";
import { ask, each, memoryOf, neverRead, notHeldUp, registerFat, startBystander, startSmall } from "./rig.ts";

/** Of 64 kB: what 100 clients ask for is four times the heap. */
const COUNT = 350;

/** All of them are asked for by clients that never read; the registry serves on, and holds little for them. */
async function servesOn(
  t: Parameters<typeof neverRead>[0],
  { url }: Rollcall,
  requests: readonly Unread[],
): Promise<void> {
  const before = await memoryOf(url);
  for (const { port, path, headers = "" } of requests)
    await neverRead(t, port, 100, `GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
  const after = await memoryOf(url);
  assert.ok(after.unreadMb <= 65, `${after.unreadMb} MB wait for one address`);
  assert.ok(after.rssMb < before.rssMb + 250, `${before.rssMb} MB, then ${after.rssMb} MB`);
}

interface Unread {
  readonly port: number;
  readonly path: string;
  readonly headers?: string;
}

test("Eureka", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  await registerFat(registry.url, "x", COUNT);
  const bystander = await startBystander(t, registry);
  const port = registry.port("eureka");
  const paths = ["/eureka/apps", "/eureka/apps/X", "/eureka/vips/x", "/eureka/apps/delta"];
  for (const path of paths)
    for (const accept of ["application/json", "application/xml"]) {
      const { status, bytes } = await ask(`http://127.0.0.1:${port}${path}`, "GET", undefined, { accept });
      assert.equal(status, 200, path);
      const ids = bytes.toString("latin1").match(/"instanceId":"i\d+"|<instanceId>i\d+</g);
      assert.equal(new Set(ids).size, COUNT, `${path} as ${accept}`);
    }
  await servesOn(
    t,
    registry,
    paths.map((path) => ({ port, path })),
  );
  await notHeldUp(bystander);
});

test("Rackspace", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  const tenant = await openTenant(url);
  const sessions: string[] = [];
  for (let nth = 0; nth < 2; nth++) {
    const created = await tenant.call("POST", "/sessions", { heartbeat_timeout: 120 });
    sessions.push(String(created.headers.location).split("/").at(-1) as string);
  }
  const more = (nth: number): object => ({ lease: sessions[nth % 2], ttl: undefined });
  assert.equal(await registerFat(url, "x", COUNT, { account: tenant.id, more }), COUNT);
  const value = Buffer.alloc(1_000_000, "v");
  await each(12, (nth) => ask(`${url}/v2/${tenant.id}/config/fat-${nth}`, "PUT", value));
  const bystander = await startBystander(t, registry);
  /** All pages, one after the other. */
  const list = async (path: string): Promise<{ readonly values: Record<string, never>[]; readonly pages: number }> => {
    const values: Record<string, never>[] = [];
    let pages = 0;
    for (let marker: string | null = ""; marker !== null; pages++) {
      const at = marker === "" ? "" : `&marker=${marker}`;
      const { status, text, json } = await tenant.call("GET", `${path}?limit=1000${at}`, undefined, {
        timeoutMs: 60_000,
      });
      assert.equal(status, 200, text.slice(0, 200));
      const { values: found, metadata } = json();
      assert.equal(metadata.count, found.length);
      values.push(...found);
      marker = metadata.next_marker;
    }
    return { values, pages };
  };
  assert.deepEqual([(await list("/services")).values.length, (await list("/sessions")).values.length], [COUNT, 2]);
  const overview = (await list("/views/overview")).values as unknown as { readonly services: readonly object[] }[];
  assert.equal(overview.flatMap(({ services }) => services).length, COUNT);
  const values = await list("/configuration");
  assert.ok(values.values.length === 12 && values.pages > 3, `${values.values.length} in ${values.pages} pages`);
  const events = await list("/events");
  assert.equal(new Set(events.values.map(({ id }) => id)).size, COUNT + 12);
  assert.ok(events.pages > 4, `${events.pages} pages of events`);
  const headers = `X-Auth-Token: ${tenant.token}\r\n`;
  const asked = ["services", "views/overview", "events", "configuration"];
  const requests = asked.map((one) => ({
    port: registry.port(),
    path: `/v1.0/${tenant.id}/${one}?limit=1000`,
    headers,
  }));
  await servesOn(t, registry, requests);
  assert.equal((await list("/services")).values.length, COUNT);
  await notHeldUp(bystander);
});

test("SkyDNS", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  const environment = "e".repeat(8000);
  const more = (nth: number): object => ({ meta: { environment: `${environment}${nth}` } });
  await registerFat(registry.url, "x", 1000, { more });
  const bystander = await startBystander(t, registry);
  const port = registry.port("skydns");
  const base = `http://127.0.0.1:${port}/skydns`;
  assert.equal((await ask(`${base}/services/`)).json().length, 1000);
  assert.equal(Object.keys((await ask(`${base}/environments/`)).json()).length, 1000);
  assert.deepEqual((await ask(`${base}/regions/`)).json(), { "": 1000 });
  const paths = ["/skydns/services/", "/skydns/environments/"];
  await servesOn(
    t,
    registry,
    paths.map((path) => ({ port, path })),
  );
  await notHeldUp(bystander);
});
