/** More than fits into a heap of 512 MB, offered as fast as it goes: what fits is taken, and everything is answered. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, each, startBystander, startSmall } from "../answers/rig.ts";
import { leaseOf, registrationOf } from "../eureka/rig.ts";
import type { Rollcall } from "../harness/program.ts";

const FAT = Object.fromEntries(Array.from({ length: 8 }, (_, nth) => [`fat${nth}`, "m".repeat(8000)]));

/** Offers one of these; answers the status. */
type Offer = (registry: Rollcall, nth: number) => Promise<{ readonly status: number }>;

function native(service: (nth: number) => string, meta: (nth: number) => object): Offer {
  return ({ url }, nth) => {
    const address = `10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}`;
    const body = { address, port: 80, ttl: "1h", meta: meta(nth) };
    return ask(`${url}/v2/default/services/${service(nth)}/instances/i${nth}`, "PUT", body);
  };
}

const eureka: Offer = (registry, nth) => {
  const instance = registrationOf("X", `host-${nth}`, { ...leaseOf(86_400), metadata: FAT });
  return ask(`http://127.0.0.1:${registry.port("eureka")}/eureka/apps/X`, "POST", { instance });
};

const words = (nth: number): object => ({ host: `host-${nth}`, team: "payments", note: "n".repeat(200) + nth });

const offers: readonly (readonly [string, number, Offer])[] = [
  [
    "instances of 64 kB",
    9200,
    native(
      () => "x",
      () => FAT,
    ),
  ],
  ["instances of 64 kB, by Eureka", 9200, eureka],
  ["small instances", 300_000, native((nth) => `x${nth % 100 === 0 ? "" : nth % 100}`, words)],
  ["small instances, each in a service of its own", 200_000, native((nth) => `x${nth === 0 ? "" : nth}`, words)],
];

for (const [name, count, offer] of offers)
  test(`more than fits: ${name}`, { timeout: 3_600_000 }, async (t) => {
    const registry = await startSmall(t);
    const bystander = await startBystander(t, registry);
    const statuses: Record<string, number> = {};
    let refused = 0;
    await each(count, async (nth) => {
      // Enough were refused to show that it stays so.
      if (refused > 2000) return;
      const { status } = await offer(registry, nth);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 429 || status === 503) refused++;
    });
    t.diagnostic(JSON.stringify(statuses));
    assert.ok(refused > 2000, "it was filled");
    const apps = `http://127.0.0.1:${registry.port("eureka")}/eureka/apps`;
    const own = `${registry.url}/v2/default`;
    const json = { accept: "application/json" };
    const lists: readonly (readonly [string, object?])[] = [
      [`${own}/services`],
      [`${own}/services/x`],
      [`${own}/instances?limit=10000`],
      [`${registry.url}/sd/prometheus/default`],
      [apps],
      [apps, json],
      [apps, { "accept-encoding": "gzip" }],
      [`${apps}/delta`, json],
    ];
    for (const [url, headers] of lists) {
      const answers = await Promise.all([1, 2, 3].map(() => ask(url, "GET", undefined, headers, 600_000)));
      for (const { status, bytes } of answers) {
        assert.ok(status === 200 || (status === 403 && url.endsWith("/delta")), `${url}: ${status}`);
        t.diagnostic(`${url.replace(/^.*?\d\//, "")}: ${bytes.length} bytes`);
      }
    }
    t.diagnostic(JSON.stringify(await bystander.stop()));
    await registry.restart();
    assert.equal((await ask(`${own}/services/x`, "GET", undefined, {}, 600_000)).status, 200);
    assert.equal((await offer(registry, count)).status >= 429, true, "it is as full as before");
  });
