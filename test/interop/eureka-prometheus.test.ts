/** Debian's Prometheus finds its targets by `eureka_sd_configs`: it reads all applications as XML, strictly. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { cancel, register, startEureka } from "../eureka/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import type { Program } from "../harness/process.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { startPeer, writeConfig } from "../peers-rig.ts";

const { path: prometheus, skip } = requirePackage("prometheus", "prometheus");

/** Prometheus itself takes up changed targets every 5 s, in two steps one after the other. */
const TAKE_UP_MS = 20_000;

interface Target {
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly health: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly discoveredLabels: Readonly<Record<string, string>>;
}

interface Peer {
  readonly program: Program;
  /** Waits until a job has targets of these ids and no others; answers them in this order. */
  waitFor(job: string, ids: readonly string[]): Promise<readonly Target[]>;
}

/** The name of a label that discovery adds. */
const meta = (name: string) => `__meta_eureka_app_instance_${name}`;

async function startPrometheus(t: TestContext, jobs: readonly object[]): Promise<Peer> {
  const times = { scrape_interval: "500ms", scrape_timeout: "500ms" };
  // JSON is YAML.
  const config = writeConfig(t, "prometheus", JSON.stringify({ global: times, scrape_configs: jobs }));
  const listen = `127.0.0.1:${await freePort()}`;
  const data = temporaryDirectory(t, "prometheus-data");
  const args = [`--config.file=${config.file}`, `--storage.tsdb.path=${data}`, `--web.listen-address=${listen}`];
  const isReady = async () => (await request(`http://${listen}/-/ready`)).status === 200;
  const program = await startPeer(t, { path: prometheus, args, isReady });
  const waitFor: Peer["waitFor"] = async (job, ids) => {
    let seen: unknown;
    const find = async () => {
      const { activeTargets } = (await request(`http://${listen}/api/v1/targets?state=active`)).json().data;
      const targets: readonly Target[] = activeTargets.filter(({ scrapePool }: Target) => scrapePool === job);
      const byId = new Map(targets.map((target) => [target.discoveredLabels[meta("id")], target]));
      seen = [...byId.keys()];
      return byId.size === ids.length && ids.every((id) => byId.has(id)) && ids.map((id) => byId.get(id) as Target);
    };
    const what = `the targets of ${job} to be ${ids.join(" ")}`;
    return until(find, { what, timeoutMs: TAKE_UP_MS, intervalMs: 200 }).catch((error) =>
      assert.fail(`${error.message}; targets: ${JSON.stringify(seen)}\n${program.stderr()}`),
    );
  };
  return { program, waitFor };
}

/** As people write it: what is UP, under its application's name, at the path that its metadata tell. */
const USUAL = [
  { action: "keep", source_labels: [meta("status")], regex: "UP" },
  { source_labels: ["__meta_eureka_app_name"], target_label: "application" },
  { source_labels: [meta("metadata_metrics_path")], regex: "(.+)", target_label: "__metrics_path__" },
];

function discover(job: string, server: string, more: object = {}): object {
  return { job_name: job, eureka_sd_configs: [{ server, refresh_interval: "1s", ...more }] };
}

const AMAZON = {
  "@class": "com.netflix.appinfo.AmazonInfo",
  name: "Amazon",
  metadata: { "instance-id": "i-1", "availability-zone": "eu-west-1c" },
};

test("instances of all dialects become targets with their labels", { skip, timeout: 60_000 }, async (t) => {
  const eureka = await startEureka(t);
  const { rollcall } = eureka;
  const port = { $: rollcall.port(), "@enabled": "true" };
  const self = {
    hostName: "127.0.0.1",
    ipAddr: "127.0.0.1",
    port,
    metadata: { "metrics.path": "/metrics", my_key: "<ä>" },
  };
  await register(eureka, "self", "one", self);
  await register(eureka, "cloud", "i-1", { dataCenterInfo: AMAZON, secureVipAddress: "cloud-s" });
  const off = { $: 0, "@enabled": "false" };
  await register(eureka, "cloud", "tls", { port: off, securePort: { $: 8443, "@enabled": "true" }, status: "DOWN" });
  const native = { address: "10.0.0.7", port: 8080, meta: { "a.b": "x ä y" }, zone: "z1" };
  const url = `${rollcall.url}/v2/default/services/shop/instances`;
  assert.equal((await request(`${url}/s1`, { method: "PUT", body: native })).status, 201);

  const jobs = [
    { ...discover("all", `${eureka.base}/eureka`) },
    { ...discover("usual", `${eureka.base}/eureka/v2`), relabel_configs: USUAL },
  ];
  const peer = await startPrometheus(t, jobs);
  const all = await peer.waitFor("all", ["one", "i-1", "tls", "s1"]);
  assertLabels(all, rollcall.port());
  await peer.waitFor("usual", ["one", "i-1", "s1"]);
  const scraped = async () => (await peer.waitFor("usual", ["one", "i-1", "s1"]))[0]?.health === "up";
  await until(scraped, { what: "the first one to be scraped", timeoutMs: TAKE_UP_MS, intervalMs: 200 });

  // What changes, comes and goes is in a later refresh.
  await cancel(eureka, "cloud", "i-1");
  assert.equal((await request(`${url}/s2`, { method: "PUT", body: { ...native, address: "shop.test" } })).status, 201);
  const down = { ...native, status: "critical" };
  assert.equal((await request(`${url}/s1`, { method: "PUT", body: down })).status, 200);
  const [, s2] = await peer.waitFor("usual", ["one", "s2"]);
  assert.equal(s2?.scrapeUrl, "http://shop.test:8080/metrics");
  await peer.waitFor("all", ["one", "tls", "s1", "s2"]);
  assert.doesNotMatch(peer.program.stderr(), /level=(warn|error)/);
});

function assertLabels(targets: readonly Target[], port: number): void {
  const [one, cloud, tls, shop] = targets.map((target) => ({
    url: target.scrapeUrl,
    app: target.discoveredLabels.__meta_eureka_app_name,
    of: (...names: readonly string[]) => names.map((name) => target.discoveredLabels[meta(name)]),
  }));
  assert.ok(one && cloud && tls && shop);
  assert.deepEqual([one.url, one.app], [`http://127.0.0.1:${port}/metrics`, "SELF"]);
  assert.deepEqual(one.of("port", "port_enabled", "status", "metadata_metrics_path"), [
    String(port),
    "true",
    "UP",
    "/metrics",
  ]);
  assert.deepEqual(one.of("hostname", "ip_addr", "vip_address", "country_id"), ["127.0.0.1", "127.0.0.1", "self", "1"]);
  assert.deepEqual(one.of("homepage_url", "datacenterinfo_name"), ["http://10.1.2.3:8080/", "MyOwn"]);
  // It takes metadata as they are written, with the escapes of XML in values and of Eureka in keys.
  assert.deepEqual(one.of("metadata_my__key"), ["&lt;ä&gt;"]);
  const amazon = ["datacenterinfo_name", "datacenterinfo_metadata_availability_zone", "secure_vip_address"];
  assert.deepEqual(cloud.of(...amazon), ["Amazon", "eu-west-1c", "cloud-s"]);
  assert.deepEqual(tls.of("status", "port_enabled", "secure_port", "secure_port_enabled"), [
    "DOWN",
    "false",
    "8443",
    "true",
  ]);
  assert.deepEqual([shop.url, shop.app], ["http://10.0.0.7:8080/metrics", "SHOP"]);
  assert.deepEqual(shop.of("status", "vip_address", "ip_addr", "port"), ["UP", "shop", "10.0.0.7", "8080"]);
  assert.deepEqual(shop.of("metadata_a_b", "country_id"), ["x ä y", "1"]);
}

test("a closed registry wants a token as the password", { skip, timeout: 40_000 }, async (t) => {
  const eureka = await startEureka(t);
  const create = async (body: object, headers: Record<string, string> = {}) =>
    (await request(`${eureka.rollcall.url}/v2/_/tokens`, { body, headers })).json().token as string;
  const root = await create({ name: "root", role: "admin" });
  const authorization = { authorization: `Bearer ${root}` };
  const password = await create({ name: "reader", role: "reader", account: "default" }, authorization);
  await register(eureka, "self", "one", {}, { headers: authorization });
  const server = `${eureka.base}/eureka`;
  const peer = await startPrometheus(t, [
    discover("reader", server, { basic_auth: { username: "prometheus", password } }),
    discover("bearer", server, { authorization: { credentials: password } }),
    discover("stranger", server),
  ]);
  await peer.waitFor("reader", ["one"]);
  await peer.waitFor("bearer", ["one"]);
  assert.deepEqual(await peer.waitFor("stranger", []), []);
  await until(() => /stranger.*401/.test(peer.program.stderr()));
});
