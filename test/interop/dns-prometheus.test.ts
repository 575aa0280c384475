/** Debian's Prometheus finds its targets by DNS. It asks port 53 of /etc/resolv.conf only: in a network of its own. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { explainNoNamespace, openNamespace, startInside } from "../dns/peers/namespace.ts";
import { requirePackage } from "../harness/packages.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { readExample, startPeer, writeConfig } from "../peers-rig.ts";

const curl = requirePackage("curl", "curl");
const ip = requirePackage("iproute2", "ip");
const prometheus = requirePackage("prometheus", "prometheus");
const skip = prometheus.skip || curl.skip || ip.skip || explainNoNamespace();

/** Prometheus itself takes up changed targets every 5 s, in two steps one after the other. */
const TAKE_UP_MS = 20_000;
const LISTEN = "127.0.0.1:9090";

interface Target {
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly health: string;
  readonly discoveredLabels: Readonly<Record<string, string>>;
}

test("targets come and go with the instances of a service", { skip, timeout: 90_000 }, async (t: TestContext) => {
  const namespace = await openNamespace(t, readExample("resolv.conf"));
  const inside = await startInside(t, namespace, { ttlS: 1 });
  // What is scraped is the registry itself.
  const self = { address: "127.0.0.1", port: 7070, tags: ["blue"] };
  await inside.register("api", "a1", self);

  const jobs = `${readExample("Prometheus", { "refresh_interval: 5s": "refresh_interval: 1s" })}
  - job_name: blue
    dns_sd_configs:
      - names: [blue.api.rollcall]
        type: A
        port: 7070
        refresh_interval: 1s
  - job_name: many
    dns_sd_configs:
      - names: [_many._tcp.rollcall]
        refresh_interval: 1s
`;
  const config = writeConfig(t, "prometheus", `global: { scrape_interval: 500ms, scrape_timeout: 400ms }\n${jobs}`);
  const data = temporaryDirectory(t, "prometheus-data");
  const flags = [`--config.file=${config.file}`, `--storage.tsdb.path=${data}`, `--web.listen-address=${LISTEN}`];
  const get = (path: string) => namespace.run(curl.path, "-sSf", `http://${LISTEN}/${path}`);
  const isReady = () => get("-/ready").then(() => true);
  const program = await startPeer(t, { ...namespace.enter(prometheus.path, flags), isReady });

  const waitFor = async (job: string, urls: readonly string[], health?: string): Promise<void> => {
    let seen: unknown;
    const find = async () => {
      const { activeTargets } = JSON.parse(await get("api/v1/targets?state=active")).data;
      const targets: readonly Target[] = activeTargets.filter(({ scrapePool }: Target) => scrapePool === job);
      seen = targets;
      const found = targets.map(({ scrapeUrl }) => scrapeUrl).sort();
      return (
        found.join() === [...urls].sort().join() &&
        targets.every((one) => health === undefined || one.health === health)
      );
    };
    const what = `${job} to be ${urls.join(" ")}`;
    await until(find, { what, timeoutMs: TAKE_UP_MS, intervalMs: 200 }).catch((error) =>
      assert.fail(`${error.message}; targets: ${JSON.stringify(seen)}\n${program.stderr()}`),
    );
  };
  const target = (id: string, service = "api", port = 7070) => `http://${id}.id.${service}.rollcall:${port}/metrics`;

  // Found by SRV, resolved by its own resolver, and scraped.
  await waitFor("api", [target("a1")], "up");
  await waitFor("blue", ["http://127.0.0.1:7070/metrics"], "up");
  const up = JSON.parse(await get("api/v1/query?query=up"));
  assert.ok(up.data.result.length >= 2, JSON.stringify(up));

  // More targets than fit into its 4096 bytes: it asks again by TCP.
  const many = Array.from({ length: 120 }, (_, n) => `m${n}`);
  for (let from = 0; from < many.length; from += 20)
    await Promise.all(
      many
        .slice(from, from + 20)
        .map((id, at) => inside.register("many", id, { address: `10.1.${from}.${at}`, port: 80 })),
    );
  await inside.register("api", "a2", { ...self, tags: [] });
  await Promise.all([
    waitFor("api", [target("a1"), target("a2")], "up"),
    waitFor(
      "many",
      many.map((id) => target(id, "many", 80)),
    ),
  ]);
  await inside.register("api", "a1", { ...self, status: "draining" });
  await Promise.all([waitFor("api", [target("a2")], "up"), waitFor("blue", [])]);
});
