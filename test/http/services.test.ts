/** Reads over the native API: filters, pages, entity tags, long polls, isolation of accounts. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

async function fill(account: string): Promise<void> {
  const put = (path: string, body: object) =>
    api.ok("PUT", `/v2/${account}/services/${path}`, { address: "h", ...body });
  await put("web/instances/w1", { tags: ["a", "b"], zone: "z1", version: "1", protocol: "http", meta: { k: "v" } });
  await put("web/instances/w2", { tags: ["a"], zone: "z2", version: "2", protocol: "grpc", status: "warning" });
  await put("web/instances/w3", { zone: "z1", status: "critical", meta: { k: "w" } });
  await put("db/instances/d1", { tags: ["a"], zone: "z1" });
  await put("db/instances/w1", { zone: "z9" });
}
const idsOf = (answer: { instances: { id: string }[] }) => answer.instances.map(({ id }) => id).sort();

test("JSON ends with a new line, and is on many lines when asked to be pretty", async () => {
  const account = nextAccount();
  await fill(account);
  const at = `/v2/${account}`;
  const sees = async (method: string, path: string, body?: object) => {
    const plain = await api.call(method, path, body);
    assert.match(plain.text, /^[^\n]*\n$/, path);
    const pretty = await api.call(method, `${path}${path.includes("?") ? "&" : "?"}pretty`, body);
    assert.equal(pretty.text, `${JSON.stringify(pretty.json(), null, 2)}\n`, path);
  };
  for (const path of [
    "services",
    "services/web",
    "services/none",
    "instances?limit=2",
    "events",
    "leases",
    "consumers",
  ])
    await sees("GET", `${at}/${path}`);
  await sees("PUT", `${at}/services/web/instances/w9`, { address: "h", ttl: 0 });
  await sees("POST", `${at}/leases`, { lease: "l", ttl: "60s" });
  await sees("GET", `${at}/leases/l`);
  await sees("POST", `${at}/transactions`, { then: [{ get: { prefix: "" } }] });
  await sees("GET", `/sd/prometheus/${account}`);
  await sees("GET", "/v2/_/status");
  for (const path of ["/v2/none/of/these", `${at}/services/web/instances/none`, "/healthz", "/openapi.json"])
    assert.match((await api.call("GET", path)).text, /\n$/, path);
});

test("reads one service, known or not", async () => {
  const account = nextAccount();
  await fill(account);
  const read = await api.ok("GET", `/v2/${account}/services/web`);
  assert.deepEqual(idsOf(read), ["w1", "w2", "w3"]);
  assert.deepEqual(await api.ok("GET", `/v2/${account}/services/none`), {
    service: "none",
    revision: 0,
    instances: [],
  });
  assert.deepEqual(await api.ok("GET", `/v2/${nextAccount()}/services/web`), {
    service: "web",
    revision: 0,
    instances: [],
  });
});

test("filters by all that is asked for", async () => {
  const account = nextAccount();
  await fill(account);
  const cases: [string, string[]][] = [
    ["tag=a", ["w1", "w2"]],
    ["tag=a&tag=b", ["w1"]],
    ["zone=z1", ["w1", "w3"]],
    ["version=2", ["w2"]],
    ["protocol=http", ["w1"]],
    ["status=healthy", ["w1", "w2"]],
    ["status=critical&status=warning", ["w2", "w3"]],
    ["meta.k=v", ["w1"]],
    ["meta.k=v&zone=z2", []],
    ["meta.toString=x", []],
    ["via=http", ["w1", "w2", "w3"]],
    ["via=dns", []],
    ["address=h&q=W2", ["w2"]],
    ["address=other", []],
    ["q=h:0&version=1", ["w1"]],
    ["q=eb", ["w1", "w2", "w3"]],
    ["q=none", []],
    ["held=true", []],
    ["held=false&override=false&zone=z2", ["w2"]],
    ["override=true", ["w3"]],
  ];
  await api.ok("PUT", `/v2/${account}/services/web/instances/w3/override`, { status: "critical" });
  for (const [query, ids] of cases) {
    assert.deepEqual(idsOf(await api.ok("GET", `/v2/${account}/services/web?${query}`)), ids, query);
  }
  assert.deepEqual(idsOf(await api.ok("GET", `/v2/${account}/instances?zone=z1`)), ["d1", "w1", "w3"]);
  const { services } = await api.ok("GET", `/v2/${account}/services?protocol=grpc`);
  assert.deepEqual(
    services.map((one: { service: string; instances: number }) => [one.service, one.instances]),
    [["web", 1]],
  );
  await api.refused(400, "invalid", "GET", `/v2/${account}/services/web?status=fine`);
  await api.refused(400, "invalid", "GET", `/v2/${account}/services/web?colour=red`);
  await api.refused(400, "invalid", "GET", `/v2/${account}/services/web?held=maybe`);
});

test("sums services up", async () => {
  const account = nextAccount();
  await fill(account);
  const { services, next } = await api.ok("GET", `/v2/${account}/services`);
  assert.equal(next, null);
  const web = services.find((one: { service: string }) => one.service === "web");
  assert.deepEqual(web.statuses, { passing: 1, warning: 1, critical: 1 });
  assert.deepEqual(web.tags, ["a", "b"]);
  assert.deepEqual(web.zones, { z1: { passing: 1, critical: 1 }, z2: { warning: 1 } });
  assert.deepEqual(Object.keys(web.versions), ["1", "2"]);
  assert.deepEqual(web.via, { http: 3 });
  assert.equal(web.usable, 2);
  assert.equal(web.instances, 3);
});

test("pages without gaps or repeats", async () => {
  const account = nextAccount();
  await fill(account);
  for (const [path, list, name] of [
    ["services", "services", (one: Record<string, string>) => one.service],
    ["instances", "instances", (one: Record<string, string>) => `${one.id}/${one.service}`],
  ] as const) {
    const seen: (string | undefined)[] = [];
    let from: string | null = "";
    while (from !== null) {
      const page: { services: []; instances: []; next: string | null } = await api.ok(
        "GET",
        `/v2/${account}/${path}?limit=1&from=${encodeURIComponent(from)}`,
      );
      assert.ok(page[list].length <= 1);
      seen.push(...page[list].map(name));
      from = page.next;
    }
    const whole = await api.ok("GET", `/v2/${account}/${path}`);
    assert.deepEqual(seen, whole[list].map(name));
  }
  await api.refused(400, "invalid", "GET", `/v2/${account}/services?limit=0`);
  await api.refused(400, "invalid", "GET", `/v2/${account}/instances?limit=x`);
});

test("answers 304 until something changes", async () => {
  const account = nextAccount();
  await fill(account);
  for (const path of ["services/web", "services", "instances", "services/web?zone=z1", "services/web/instances/w1"]) {
    const first = await api.call("GET", `/v2/${account}/${path}`);
    const tag = first.headers.etag as string;
    const again = await api.call("GET", `/v2/${account}/${path}`, undefined, { headers: { "if-none-match": tag } });
    assert.equal(again.status, 304, path);
    assert.equal(again.headers.etag, tag);
    await api.ok("PATCH", `/v2/${account}/services/web/instances/w1`, { version: `of ${path}` });
    const changed = await api.call("GET", `/v2/${account}/${path}`, undefined, { headers: { "if-none-match": tag } });
    assert.equal(changed.status, 200, path);
    assert.match(changed.text, /of /, "the answer is the new one");
  }
});

test("keeps a service's tag until it changes, not until another does", async () => {
  const account = nextAccount();
  await fill(account);
  const first = await api.call("GET", `/v2/${account}/services/web`);
  await api.ok("PUT", `/v2/${account}/services/db/instances/d2`, { address: "h" });
  const again = await api.call("GET", `/v2/${account}/services/web`);
  assert.equal(again.headers.etag, first.headers.etag);
});

test("never shows a change late, nor a gone instance", async () => {
  const account = nextAccount();
  for (let i = 0; i < 20; i++) {
    await api.ok("PUT", `/v2/${account}/services/web/instances/w${i}`, { address: "h" });
    assert.equal((await api.ok("GET", `/v2/${account}/services/web`)).instances.length, i + 1);
  }
  for (let i = 20; i > 0; i--) {
    await api.ok("DELETE", `/v2/${account}/services/web/instances/w${i - 1}`);
    assert.equal((await api.ok("GET", `/v2/${account}/services/web`)).instances.length, i - 1);
  }
  assert.ok((await api.ok("GET", `/v2/${account}/services/web`)).revision > 0, "an empty service keeps its revision");
});

test("shows another ttl at once", async () => {
  const account = nextAccount();
  await api.ok("PUT", `/v2/${account}/services/web/instances/w1`, { address: "h", ttl: "20s" });
  const before = await api.call("GET", `/v2/${account}/services/web`);
  await api.ok("PUT", `/v2/${account}/services/web/instances/w1`, { address: "h", ttl: "50s" });
  const headers = { "if-none-match": before.headers.etag };
  const later = await api.call("GET", `/v2/${account}/services/web`, undefined, { headers });
  assert.equal(later.status, 200);
  assert.equal(later.json().instances[0].ttlMs, 50_000);
});

test("holds a poll until the thing changes", async () => {
  const account = nextAccount();
  await fill(account);
  const polls: [string, () => Promise<unknown>][] = [
    ["services/web", () => api.ok("PUT", `/v2/${account}/services/web/instances/n1`, { address: "h" })],
    ["services/new", () => api.ok("PUT", `/v2/${account}/services/new/instances/n1`, { address: "h" })],
    ["services", () => api.ok("PUT", `/v2/${account}/services/other/instances/n1`, { address: "h" })],
    ["instances?zone=z1", () => api.ok("DELETE", `/v2/${account}/services/web/instances/w1`)],
  ];
  for (const [path, change] of polls) {
    const separator = path.includes("?") ? "&" : "?";
    const { revision } = await api.ok("GET", `/v2/${account}/${path}`);
    let answered = false;
    const poll = api.ok("GET", `/v2/${account}/${path}${separator}after=${revision}&wait=20s`).then((answer) => {
      answered = true;
      return answer;
    });
    await watching(1);
    // Another service, another account: nothing that the poll waits for.
    await api.ok("PUT", `/v2/${nextAccount()}/services/web/instances/n1`, { address: "h" });
    assert.equal(answered, false, path);
    await change();
    assert.ok((await poll).revision > revision, path);
    await watching(0);
  }
});

/** Waits until so many polls are held. */
async function watching(count: number): Promise<void> {
  await until(async () => {
    const { text } = await api.call("GET", "/metrics");
    const line = text.split("\n").find((one) => /watchers.*http/.test(one) && !one.startsWith("#"));
    return (line === undefined ? 0 : Number(line.split(" ").at(-1))) === count;
  });
}

test("answers a poll at once when it is behind, and after the wait when nothing happens", async () => {
  const account = nextAccount();
  await fill(account);
  const startMs = performance.now();
  const { revision } = await api.ok("GET", `/v2/${account}/services/web?after=0&wait=20s`);
  assert.ok(performance.now() - startMs < 2000);
  const waitMs = performance.now();
  const same = await api.ok("GET", `/v2/${account}/services/web?after=${revision}&wait=300ms`);
  assert.ok(performance.now() - waitMs >= 290);
  assert.equal(same.revision, revision);
  await api.refused(400, "invalid", "GET", `/v2/${account}/services/web?after=x&wait=1s`);
  await api.refused(400, "invalid", "GET", `/v2/${account}/services/web?after=1&wait=soon`);
  await api.refused(400, "invalid", "GET", `/v2/${account}/services?after=-1&wait=1s`);
});

test("shows one account nothing of another", async () => {
  const [mine, yours] = [nextAccount(), nextAccount()];
  await fill(mine);
  assert.deepEqual((await api.ok("GET", `/v2/${yours}/services`)).services, []);
  assert.deepEqual((await api.ok("GET", `/v2/${yours}/instances`)).instances, []);
  assert.deepEqual((await api.ok("GET", `/v2/${yours}/leases`)).leases, []);
  await api.refused(404, "not-found", "GET", `/v2/${yours}/services/web/instances/w1`);
  await api.refused(404, "not-found", "DELETE", `/v2/${yours}/services/web/instances/w1`);
  await api.refused(404, "not-found", "POST", `/v2/${yours}/leases/web%2Fw1/renew`);
  await api.refused(400, "invalid", "GET", "/v2/_rollcall/services");
});

test("instances are targets for Prometheus, with their labels", async () => {
  const account = nextAccount();
  await fill(account);
  const all = await api.ok("GET", `/sd/prometheus/${account}`);
  assert.equal(all.length, 5);
  await api.ok("PUT", `/v2/${account}/services/v6/instances/i1`, {
    address: "2001:db8::1",
    ports: { default: 80, metrics: 9100 },
    meta: { "a-b.c": "x" },
    tags: ["blue", "canary"],
  });
  const [group, ...more] = await api.ok("GET", `/sd/prometheus/${account}/v6?tag=blue`);
  assert.deepEqual(more, []);
  assert.deepEqual(group.targets, ["[2001:db8::1]:80"]);
  assert.equal(group.labels.__meta_rollcall_service, "v6");
  assert.equal(group.labels.__meta_rollcall_tags, ",blue,canary,");
  assert.equal(group.labels.__meta_rollcall_meta_a_b_c, "x");
  assert.equal(group.labels.__meta_rollcall_port_metrics, "9100");
  assert.equal(group.labels.__meta_rollcall_status, "passing");
  assert.deepEqual(await api.ok("GET", `/sd/prometheus/${account}/none`), []);
  await api.ok("PUT", `/v2/${account}/services/bare/instances/i1`, { address: "2001:db8::2" });
  const [bare] = await api.ok("GET", `/sd/prometheus/${account}/bare`);
  assert.deepEqual(bare.targets, ["[2001:db8::2]"]);
  await api.refused(400, "invalid", "GET", `/sd/prometheus/${account}?status=fine`);
});
