/** Debian's Prometheus: it finds its targets by Rollcall's HTTP service discovery, and scrapes Rollcall itself. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { startAgent } from "../agent/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { PROGRAM, type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";

const prometheus = requirePackage("prometheus", "prometheus");
const promtool = requirePackage("prometheus", "promtool");

/** Prometheus itself takes up changed targets every 5 s, in two steps one after the other. */
const TAKE_UP_MS = 20_000;

type Labels = Readonly<Record<string, string>>;

interface Target {
  readonly discoveredLabels: Labels;
  readonly labels: Labels;
  readonly scrapeUrl: string;
  readonly lastError: string;
  readonly health: "up" | "down" | "unknown";
}

interface Sample {
  readonly metric: Labels;
  readonly value: number;
}

interface Prometheus {
  /** The targets of a job; those that relabelling dropped are not among them. */
  targets(job: string): Promise<readonly Target[]>;
  /** An instant query. */
  query(expression: string): Promise<readonly Sample[]>;
  /** The answer of any of its routes. */
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
  get<T = any>(path: string): Promise<T>;
  stderr(): string;
}

/** A Prometheus with these jobs, ready to be asked. Its store and its configuration go with the test. */
async function startPrometheus(scope: Scope, jobs: readonly object[], rules?: string): Promise<Prometheus> {
  const folder = temporaryDirectory(scope, "prometheus");
  if (rules !== undefined) writeFileSync(join(folder, "rules.yml"), rules);
  const file = join(folder, "prometheus.yml");
  // JSON is YAML.
  const times = { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" };
  const ruled = rules !== undefined && { rule_files: ["rules.yml"] };
  writeFileSync(file, JSON.stringify({ global: times, scrape_configs: jobs, ...ruled }));
  const listen = `127.0.0.1:${await freePort()}`;
  const flags = [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, "data")}`];
  const program = startProcess(scope, prometheus.path, [...flags, `--web.listen-address=${listen}`], {
    env: cleanEnvironment(),
    cwd: folder,
  });
  const isReady = async () => program.gone !== undefined || (await request(`http://${listen}/-/ready`)).status === 200;
  await until(isReady, { what: "Prometheus to be ready", timeoutMs: 20_000 });
  assert.equal(program.gone, undefined, program.stderr());
  const get: Prometheus["get"] = async (path) => {
    const answer = await request(`http://${listen}/api/v1/${path}`);
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    return answer.json().data;
  };
  return {
    get,
    stderr: () => program.stderr(),
    async targets(job) {
      const { activeTargets } = await get<{ activeTargets: readonly Target[] }>("targets?state=active");
      return activeTargets.filter((target) => target.labels.job === job);
    },
    async query(expression) {
      const { result } = await get(`query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }: { metric: Labels; value: [number, string] }) => ({
        metric,
        value: Number(value[1]),
      }));
    },
  };
}

/** Something to be scraped. */
async function startTarget(scope: Scope): Promise<number> {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
    response.end("# TYPE orders_total counter\norders_total 7\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Registers an instance: in the account that the token is for, or in the default one. */
async function put(registry: Rollcall, path: string, body: object, token?: string): Promise<void> {
  const [service, id] = path.split("/");
  const account = token === undefined ? "default" : "shop";
  const answer = await request(`${registry.url}/v2/${account}/services/${service}/instances/${id}`, {
    method: "PUT",
    body,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  assert.equal(answer.status, 201, answer.text);
}

/** `rollcall register --keep`: an instance that lives as long as its process, and its ttl longer. */
function keepRegistered(t: TestContext, registry: Rollcall, args: readonly string[]) {
  return startProcess(t, process.execPath, [PROGRAM, "register", ...args, "--keep"], {
    env: cleanEnvironment({ ROLLCALL_URL: registry.url }),
  });
}

const LABELMAP = [{ action: "labelmap", regex: "__meta_rollcall_(service|id|zone|version)" }];
const KEEP_BLUE = [{ action: "keep", source_labels: ["__meta_rollcall_tags"], regex: ".*,blue,.*" }];

function discover(job: string, url: string, rules: readonly object[], more: object = {}): object {
  return { job_name: job, http_sd_configs: [{ url, refresh_interval: "1s", ...more }], relabel_configs: rules };
}

const idsOf = (targets: readonly Target[]) =>
  targets.map((target) => target.discoveredLabels.__meta_rollcall_id).sort();

/** Waits until a job has these targets and no others. */
async function waitForTargets(peer: Prometheus, job: string, ids: readonly string[]): Promise<readonly Target[]> {
  let seen: unknown;
  const find = async () => {
    const targets = await peer.targets(job);
    seen = idsOf(targets);
    return JSON.stringify(seen) === JSON.stringify(ids) && targets;
  };
  const what = `the targets of ${job} to be ${ids.join(" ")}`;
  return until(find, { what, timeoutMs: TAKE_UP_MS }).catch((error) =>
    assert.fail(`${error.message}; targets: ${JSON.stringify(seen)}\n${peer.stderr()}`),
  );
}

test("instances become targets with their labels, one that was killed goes", {
  skip: prometheus.skip,
  timeout: 60_000,
}, async (t) => {
  const registry = await startRollcall(t, { dialects: "http,rackspace" });
  const port = await startTarget(t);
  const sd = `${registry.url}/sd/prometheus/default`;
  const meta = { "build.no-1": "x", größe: 'L "large"\n' };
  await put(registry, "web/w1", { address: "127.0.0.1", port, meta, tags: ["blue", "canary"], zone: "z1" });
  await put(registry, "db/d1", { address: "::1", ports: { default: 5432, metrics: 9187 }, tags: ["bluebell"] });
  // One without an address, as the Rackspace dialect allows, is no target, and must not keep the others away.
  const cron = { id: "cron-1", heartbeat_timeout: 120 };
  assert.equal((await request(`${registry.url}/v1.0/default/services`, { body: cron })).status, 201);
  const flags = ["--port", String(port), "--ttl", "2s", "--zone", "z2", "--version", "1.2", "--tag", "blue"];
  const kept = keepRegistered(t, registry, ["web", "w2", ...flags]);

  const peer = await startPrometheus(t, [
    discover("all", sd, LABELMAP),
    discover("web", `${sd}/web?status=healthy`, LABELMAP),
    discover("blue", sd, [...LABELMAP, ...KEEP_BLUE]),
  ]);
  const all = await waitForTargets(peer, "all", ["d1", "w1", "w2"]);
  await waitForTargets(peer, "web", ["w1", "w2"]);
  await waitForTargets(peer, "blue", ["w1", "w2"]);
  assertLabels(all, port);

  const orders = 'orders_total{job="all",service="web"}';
  const found = await until(
    async () => {
      const samples = await peer.query(orders);
      return samples.length === 2 && samples;
    },
    { what: orders },
  );
  assert.deepEqual(found.map(({ metric, value }) => [metric.id, metric.zone, value]).sort(), [
    ["w1", "z1", 7],
    ["w2", "z2", 7],
  ]);

  assert.deepEqual(await kept.kill("SIGKILL"), { code: null, signal: "SIGKILL" });
  await Promise.all([
    waitForTargets(peer, "all", ["d1", "w1"]),
    waitForTargets(peer, "web", ["w1"]),
    waitForTargets(peer, "blue", ["w1"]),
  ]);
  await until(async () => (await peer.query(orders)).length === 1, { what: "the series of w2 to end" });
  assert.equal((await peer.query('up{job="all",id="w1"}'))[0]?.value, 1);
});

function assertLabels(targets: readonly Target[], port: number): void {
  const [d1, w1, w2] = ["d1", "w1", "w2"].map((id) => {
    const target = targets.find(({ discoveredLabels }) => discoveredLabels.__meta_rollcall_id === id);
    assert.ok(target, id);
    return { ...target, of: (name: string) => target.discoveredLabels[`__meta_rollcall_${name}`] };
  }) as [Found, Found, Found];
  assert.equal(w1.scrapeUrl, `http://127.0.0.1:${port}/metrics`);
  assert.equal(d1.scrapeUrl, "http://[::1]:5432/metrics");
  assert.deepEqual([w1.of("service"), w1.of("status"), w1.of("zone")], ["web", "passing", "z1"]);
  assert.deepEqual([w1.of("tags"), w1.of("meta_build_no_1")], [",blue,canary,", "x"]);
  assert.equal(w1.of("meta_gr__e"), 'L "large"\n');
  assert.deepEqual([d1.of("service"), d1.of("port_metrics"), d1.of("tags")], ["db", "9187", ",bluebell,"]);
  assert.deepEqual([w2.of("version"), w2.of("zone"), w2.of("tags")], ["1.2", "z2", ",blue,"]);
  assert.deepEqual(w2.labels, {
    instance: `127.0.0.1:${port}`,
    job: "all",
    service: "web",
    id: "w2",
    zone: "z2",
    version: "1.2",
  });
}

type Found = Target & { of(name: string): string | undefined };

/** The token of an account `shop` or of all; the first one closes the registry. */
async function createToken(registry: Rollcall, account: string | null, role: string, root?: string): Promise<string> {
  const answer = await request(`${registry.url}/v2/_/tokens`, {
    body: { name: role, account, role },
    headers: root === undefined ? {} : { authorization: `Bearer ${root}` },
  });
  assert.ok(answer.status < 300, answer.text);
  return answer.json().token;
}

test("a closed registry shows its metrics to all, its targets to a token", {
  skip: prometheus.skip,
  timeout: 40_000,
}, async (t) => {
  const registry = await startRollcall(t);
  const root = await createToken(registry, null, "admin");
  const credentials = await createToken(registry, "shop", "reader", root);
  const body = { address: "127.0.0.1", port: await freePort() };
  await put(registry, "web/w1", body, root);
  await put(registry, "web/w2", { ...body, status: "critical" }, root);
  await put(registry, "db/d1", { ...body, ttl: "60s" }, root);
  const sd = `${registry.url}/sd/prometheus/shop`;
  const peer = await startPrometheus(t, [
    { job_name: "rollcall", static_configs: [{ targets: [`127.0.0.1:${registry.port()}`] }] },
    discover("reader", sd, LABELMAP, { authorization: { credentials } }),
    discover("stranger", sd, LABELMAP),
  ]);
  await waitForTargets(peer, "reader", ["d1", "w1", "w2"]);
  assert.match(peer.stderr(), /config=stranger .*401/);
  assert.deepEqual(await peer.targets("stranger"), []);
  await assertScraped(peer);

  // What changes is in a later scrape.
  await put(registry, "web/w3", body, root);
  const passing = 'rollcall_instances{status="passing"}';
  await until(async () => (await peer.query(passing))[0]?.value === 3, { what: "the third one" });
  assert.deepEqual((await peer.query('min_over_time(up{job="rollcall"}[1m])'))[0]?.value, 1);
});

/** Rollcall's own metrics were taken whole, and mean what they should. */
async function assertScraped(peer: Prometheus): Promise<void> {
  const scraped = async () => {
    const [target] = await peer.targets("rollcall");
    return target !== undefined && target.health !== "unknown" && target;
  };
  const target = await until(scraped, { what: "the first scrape", timeoutMs: TAKE_UP_MS });
  assert.deepEqual([target.lastError, target.health], ["", "up"]);
  const read = async (expression: string) => (await peer.query(expression)).map(({ value }) => value);
  assert.deepEqual(await read('up{job="rollcall"}'), [1]);
  assert.deepEqual(await read('rollcall_instances{status="passing"}'), [2]);
  assert.deepEqual(await read('rollcall_instances{status="critical"}'), [1]);
  assert.deepEqual(await read("rollcall_services"), [2]);
  const metadata = await peer.get("metadata");
  assert.equal(metadata.rollcall_requests_total[0].type, "counter");
  assert.equal(metadata.rollcall_request_duration_seconds[0].type, "histogram");
  const median = "histogram_quantile(0.5, sum by (le) (rollcall_request_duration_seconds_bucket))";
  assert.ok(Number((await read(median))[0]) > 0, median);
}

test("promtool has nothing to say against Rollcall's own metrics", {
  skip: promtool.skip,
  timeout: 15_000,
}, async (t) => {
  const registry = await startRollcall(t, { dialects: "all" });
  await put(registry, "web/w1", { address: "127.0.0.1", port: 80 });
  const { text: metrics } = await request(`${registry.url}/metrics`);
  assert.match(metrics, /^rollcall_instances\{status="passing"\} 1$/m);
  // The names of nodejs_… are a library's: some of its gauges end in _total.
  const own = metrics.replace(/^(# (HELP|TYPE) )?nodejs_.*\n/gm, "");
  assert.deepEqual(await lint(own), { code: 0, said: "" });
  assert.notEqual((await lint(metrics)).code, 1);
  assert.equal((await lint(`${metrics}rollcall_instances 1 2 3\n`)).code, 1);
});

/** What `promtool check metrics` says: code 1 for what cannot be parsed, 3 for what is against the conventions. */
async function lint(metrics: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(promtool.path, ["check", "metrics"], { env: cleanEnvironment(), timeout: 10_000 });
  child.stdin.end(metrics);
  const [said, wrong, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: code as number | null, said: said + wrong };
}

const RULES = `${ROOT}deploy/monitoring/rollcall.rules.yml`;
const DASHBOARD = `${ROOT}deploy/monitoring/rollcall-dashboard.json`;
/** Of one node alone there are none of these. */
const OF_SEVERAL = /^rollcall_(node_reached|partitioned|behind_seconds|etcd_up|etcd_alarms)$/;

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

test("promtool takes the alert rules, and they and the dashboard name numbers that there are", {
  skip: promtool.skip,
  timeout: 30_000,
}, async (t) => {
  const child = spawn(promtool.path, ["check", "rules", "--lint-fatal", RULES], { env: cleanEnvironment() });
  const [said, wrong, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  assert.equal(code, 0, said + wrong);
  const registry = await startRollcall(t, { dialects: "all" });
  const agent = await startAgent(t, registry);
  const told = await Promise.all([registry, agent].map(async ({ url }) => (await request(`${url}/metrics`)).text));
  const known = new Set(Array.from(told.join("\n").matchAll(/^# TYPE (\S+)/gm), ([, name]) => name));
  const sources = readFileSync(`${ROOT}packages/registry/src/around/metrics.ts`, "utf8");
  const named = [readFileSync(RULES, "utf8"), readFileSync(DASHBOARD, "utf8")].flatMap((file) =>
    Array.from(file.matchAll(/\b(?:rollcall|process|nodejs)_[a-z0-9_]+\b/g), ([name]) => name),
  );
  assert.ok(named.length > 50);
  for (const name of new Set(named))
    assert.ok(OF_SEVERAL.test(name) ? sources.includes(`"${name}"`) : known.has(name.replace(/_bucket$/, "")), name);
});

test("nothing is alarming while all is well; what is held, unusable and gone is", {
  skip: prometheus.skip,
  timeout: 90_000,
}, async (t) => {
  const registry = await startRollcall(t);
  await put(registry, "web/w1", { address: "127.0.0.1", port: 80, ttl: 0 });
  const rules = readFileSync(RULES, "utf8");
  assert.match(rules, /^ +for: 1m$/m);
  const jobs = [{ job_name: "rollcall", static_configs: [{ targets: [`127.0.0.1:${registry.port()}`] }] }];
  // At once, for a test.
  const peer = await startPrometheus(t, jobs, rules.replace(/^( +)for: \w+$/gm, "$1for: 0s"));
  const firing = async (): Promise<readonly string[]> => {
    const { alerts } = await peer.get<{ alerts: { state: string; labels: Labels }[] }>("alerts");
    return alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname as string);
  };
  const fires = (alert: string) =>
    until(async () => (await firing()).includes(alert), { what: `${alert} to fire`, timeoutMs: TAKE_UP_MS });
  await until(async () => (await peer.query('up{job="rollcall"}'))[0]?.value === 1, { what: "the first scrape" });
  const rounds = async () => {
    const { groups } = await peer.get<{ groups: { rules: { health: string; name: string }[] }[] }>("rules");
    const states = groups.flatMap((group) => group.rules);
    assert.deepEqual(
      states.filter(({ health }) => health === "err").map(({ name }) => name),
      [],
    );
    return states.length > 10 && states.every(({ health }) => health === "ok");
  };
  await until(rounds, { what: "all rules to be evaluated", timeoutMs: TAKE_UP_MS });
  assert.deepEqual(await firing(), []);
  await assertPanels(peer);

  await put(registry, "bad/b1", { address: "127.0.0.1", port: 81, ttl: 0, status: "critical" });
  await request(`${registry.url}/v2/default/services/web/instances/w1`, { method: "DELETE" });
  await fires("RollcallNothingUsable");
  for (let nth = 0; nth < 12; nth++) await put(registry, `api/a${nth}`, { address: "127.0.0.1", port: 82, ttl: "2s" });
  await fires("RollcallProtectionHolds");
  await registry.stop();
  await fires("RollcallDown");
});

/** Each panel's questions are understood, and those of one node alone are answered. */
async function assertPanels(peer: Prometheus): Promise<void> {
  const { panels } = JSON.parse(readFileSync(DASHBOARD, "utf8")) as { panels: readonly Panel[] };
  assert.ok(panels.length > 15);
  const ask = async (): Promise<string[]> => {
    const silent: string[] = [];
    for (const { title, targets } of panels)
      for (const { expr } of targets) {
        const filled = expr
          .replaceAll("$job", ".*")
          .replaceAll("$instance", ".*")
          .replaceAll("$__rate_interval", "10s");
        if ((await peer.query(filled)).length === 0) silent.push(title);
      }
    // Of an open stream there may be none yet.
    return silent.filter((title) => title !== "Watchers");
  };
  const ofSeveral = "Nodes not reached, Nodes not reached, Behind the order";
  // Rates want two scrapes.
  const isAnswered = async () => (await ask()).join(", ") === ofSeveral;
  await until(isAnswered, { what: "all panels to have points", timeoutMs: TAKE_UP_MS });
}
