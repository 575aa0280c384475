/** Checks that the registry runs: against real targets, through the native API and Consul's, over a restart. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startConsul } from "../consul/rig.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { openApi } from "../http/rig.ts";
import { createAuthority } from "../net/authority-rig.ts";
import { openTargets } from "./targets-rig.ts";

const directory = temporaryDirectory({ after });
const authority = createAuthority(directory, "own");
const targets = await openTargets({ after }, authority.sign("target", "target"));
const { http, https, garbage, grpc, grpcs, udp, mute, closed } = targets;
const consul = await startConsul({ after }, { flags: ["--checks-ca", authority.ca] });
const api = openApi(consul.rollcall.url);

interface Case {
  readonly check: Readonly<Record<string, unknown>>;
  readonly status: "passing" | "warning" | "critical";
  readonly output: RegExp | string;
  readonly address?: string;
}

const at = (path: string): string => `http://127.0.0.1:${http}${path}`;
const SHORT = { timeout: "300ms" };

const CASES: Readonly<Record<string, Case>> = {
  ok: {
    check: { kind: "http", target: at("/ok") },
    status: "passing",
    output: `HTTP GET ${at("/ok")}: 200 OK Output: fine`,
  },
  own: {
    check: { kind: "http", target: "/ok" },
    status: "passing",
    output: `HTTP GET ${at("/ok")}: 200 OK Output: fine`,
  },
  busy: {
    check: { kind: "http", target: at("/busy") },
    status: "warning",
    output: `HTTP GET ${at("/busy")}: 429 Too Many Requests Output: later`,
  },
  bad: {
    check: { kind: "http", target: at("/bad") },
    status: "critical",
    output: `HTTP GET ${at("/bad")}: 500 Internal Server Error Output: boom`,
  },
  expected: { check: { kind: "http", target: at("/gone"), expect: "200,410" }, status: "passing", output: /410 Gone/ },
  unfollowed: { check: { kind: "http", target: at("/redirect") }, status: "critical", output: /302 Found/ },
  followed: {
    check: { kind: "http", target: at("/redirect"), redirects: true },
    status: "passing",
    output: /\/ok: 200 OK/,
  },
  round: {
    check: { kind: "http", target: at("/round"), redirects: true },
    status: "critical",
    output: /stopped after 10 redirects/,
  },
  file: { check: { kind: "http", target: at("/file"), redirects: true }, status: "critical", output: /no URL: file:/ },
  slow: { check: { kind: "http", target: at("/slow"), ...SHORT }, status: "critical", output: /deadline exceeded/ },
  endless: { check: { kind: "http", target: at("/endless") }, status: "passing", output: /200 OK Output: e{4000}/ },
  upgrade: { check: { kind: "http", target: at("/upgrade"), ...SHORT }, status: "critical", output: /EOF|deadline/ },
  "big-head": {
    check: { kind: "http", target: at("/big-head") },
    status: "critical",
    output: /malformed HTTP response/,
  },
  garbage: {
    check: { kind: "http", target: `http://127.0.0.1:${garbage}/` },
    status: "critical",
    output: /malformed HTTP response/,
  },
  refused: {
    check: { kind: "http", target: `http://127.0.0.1:${closed}/` },
    status: "critical",
    output: `Get "http://127.0.0.1:${closed}/": dial tcp 127.0.0.1:${closed}: connect: connection refused`,
  },
  nowhere: {
    check: { kind: "http", target: "http://no.such.host.invalid/" },
    status: "critical",
    output: /lookup no\.such\.host\.invalid: /,
  },
  tls: {
    check: { kind: "http", target: `https://127.0.0.1:${https}/` },
    status: "passing",
    output: /200 OK Output: secret/,
  },
  "tls-own": {
    check: { kind: "http", target: `:${https}/`, tls: true, serverName: "localhost" },
    status: "passing",
    output: /Output: secret/,
  },
  "tls-name": {
    check: { kind: "http", target: `https://127.0.0.1:${https}/`, serverName: "other.example" },
    status: "critical",
    output: /tls: .*other\.example/,
  },
  "tls-any": {
    check: { kind: "http", target: `https://127.0.0.1:${https}/`, serverName: "other.example", skipVerify: true },
    status: "passing",
    output: /200 OK/,
  },
  tcp: { check: { kind: "tcp" }, status: "passing", output: `TCP connect 127.0.0.1:${http}: Success` },
  "tcp-tls": { check: { kind: "tcp", target: `:${https}`, tls: true }, status: "passing", output: /Success$/ },
  "tcp-name": { check: { kind: "tcp", target: `localhost:${http}` }, status: "passing", output: /Success$/ },
  "tcp-closed": {
    check: { kind: "tcp", target: `:${closed}` },
    status: "critical",
    output: `dial tcp 127.0.0.1:${closed}: connect: connection refused`,
  },
  grpc: {
    check: { kind: "grpc", target: `:${grpc}` },
    status: "passing",
    output: `gRPC check 127.0.0.1:${grpc}: success`,
  },
  "grpc-good": { check: { kind: "grpc", target: `:${grpc}/good` }, status: "passing", output: /\/good: success/ },
  "grpc-bad": {
    check: { kind: "grpc", target: `:${grpc}/bad` },
    status: "critical",
    output: "gRPC application didn't report service healthy",
  },
  "grpc-unknown": {
    check: { kind: "grpc", target: `:${grpc}/other` },
    status: "critical",
    output: "rpc error: code = NotFound desc = unknown service",
  },
  "grpc-slow": {
    check: { kind: "grpc", target: `:${grpc}/slow`, ...SHORT },
    status: "critical",
    output: /DeadlineExceeded/,
  },
  "grpc-http": { check: { kind: "grpc", target: `:${garbage}`, ...SHORT }, status: "critical", output: /rpc error/ },
  "grpc-closed": {
    check: { kind: "grpc", target: `:${closed}` },
    status: "critical",
    output: /Unavailable.*connection refused/,
  },
  "grpc-tls": { check: { kind: "grpc", target: `:${grpcs}/good`, tls: true }, status: "passing", output: /success$/ },
  udp: {
    check: { kind: "udp", target: `:${udp}` },
    status: "passing",
    output: `UDP connect 127.0.0.1:${udp}: Success`,
  },
  "udp-mute": { check: { kind: "udp", target: `:${mute}` }, status: "passing", output: /^UDP .*: Success$/ },
  "udp-closed": { check: { kind: "udp", target: `:${closed}` }, status: "critical", output: /^dial udp .*refused$/ },
  http2: { check: { kind: "http2", target: `:${grpc}` }, status: "passing", output: "HTTP2 ping was successful" },
  "http2-tls": { check: { kind: "http2", target: `:${grpcs}`, tls: true }, status: "passing", output: /successful$/ },
  "http2-name": {
    check: { kind: "http2", target: `:${grpcs}`, tls: true, serverName: "other.example" },
    status: "critical",
    output: /^Failed to dial to 127\.0\.0\.1:\d+: tls: .*other\.example/,
  },
  "http2-http": { check: { kind: "http2", target: `:${garbage}` }, status: "critical", output: /^HTTP2 ping failed: / },
  "http2-old": { check: { kind: "http2", target: `:${http}` }, status: "critical", output: /^HTTP2 ping failed: / },
  "http2-closed": { check: { kind: "http2", target: `:${closed}` }, status: "critical", output: /^Failed.*refused$/ },
  // What no setting allows, by name, in other spellings of numbers, mapped, and by redirects.
  "metadata-udp": { check: { kind: "udp", target: "169.254.169.254:53" }, status: "critical", output: /never/ },
  metadata: {
    check: { kind: "http", target: "http://169.254.169.254/" },
    status: "critical",
    output: /never go to link-local/,
  },
  own_link: { check: { kind: "tcp", target: ":80" }, address: "169.254.169.254", status: "critical", output: /never/ },
  decimal: { check: { kind: "http", target: "http://2852039166/" }, status: "critical", output: /never/ },
  "decimal-tcp": { check: { kind: "tcp", target: "2852039166:80" }, status: "critical", output: /never/ },
  "octal-tcp": { check: { kind: "tcp", target: "0251.0376.0251.0376:80" }, status: "critical", output: /never/ },
  hex: { check: { kind: "grpc", target: "0xa9fea9fe:80" }, status: "critical", output: /never/ },
  mapped: { check: { kind: "http", target: "http://[::ffff:169.254.169.254]/" }, status: "critical", output: /never/ },
  "by-redirect": {
    check: { kind: "http", target: at("/metadata"), redirects: true },
    status: "critical",
    output: /never/,
  },
  "by-mapped": { check: { kind: "http", target: at("/mapped"), redirects: true }, status: "critical", output: /never/ },
  elsewhere: {
    check: { kind: "tcp", target: "192.0.2.1:80" },
    status: "critical",
    output: /not allowed.*checks\.allow/,
  },
};

function pathOf(id: string): string {
  return `/v2/default/services/checked/instances/${id}`;
}

async function lookAt(id: string) {
  const { instance, summary } = await api.ok("GET", `${pathOf(id)}/explain`);
  return { summary, status: instance.status, check: instance.checks[0] };
}

test("each kind of target comes to the status and the words it should", async () => {
  const register = ([id, { check, address = "127.0.0.1" }]: [string, Case]): Promise<unknown> =>
    api.ok("PUT", pathOf(id), { address, port: http, ttl: 0, checks: [{ interval: "1s", timeout: "60s", ...check }] });
  await Promise.all(Object.entries(CASES).map(register));
  for (const [id, { status, output }] of Object.entries(CASES)) {
    const { check } = await until(async () => {
      const seen = await lookAt(id);
      return seen.check.reportedAt !== null && seen;
    });
    assert.equal(check.status, status, `${id}: ${check.output}`);
    if (typeof output === "string") assert.equal(check.output, output, id);
    else assert.match(check.output, output, `${id}: ${check.output}`);
    assert.ok(check.output.length <= 4096, id);
    assert.equal(check.lastRun.status, status, id);
  }
  assert.ok(targets.sent < 16 * 1024 * 1024, `${targets.sent} bytes of a body without end were taken`);
  assert.match((await lookAt("bad")).summary, /shown as critical by its check http \(HTTP GET .*500/);
});

test("method, headers, body and the server's name go out as they were said, and are shown to nobody", async () => {
  const check = {
    kind: "http",
    target: "/echo",
    method: "post",
    headers: { "X-Key": ["a", "b"], Host: "web" },
    body: "ping",
  };
  await api.ok("PUT", pathOf("echo"), {
    address: "127.0.0.1",
    port: http,
    ttl: 0,
    checks: [{ interval: "1s", ...check }],
  });
  const { method, headers, body } = await until(() => targets.echoed.at(-1));
  assert.deepEqual([method, headers["x-key"], headers.host, body], ["POST", "a, b", "web", "ping"]);
  const shown = (await api.ok("GET", pathOf("echo"))).checks[0];
  assert.deepEqual([shown.method, shown.headers, shown.body], ["POST", undefined, undefined]);
  // A merge patch of something else leaves it as it is.
  const before = targets.echoed.length;
  await api.ok("PATCH", pathOf("echo"), { tags: ["new"] });
  await until(() => targets.echoed.length > before);
  assert.equal(targets.echoed.at(-1)?.headers["x-key"], "a, b");
});

test("what cannot be run is refused with a sentence", async () => {
  const bodies = [
    { kind: "exec", target: "/bin/true" },
    { kind: "http", target: "ftp://a/" },
    { kind: "http", target: "/", headers: { A: "b\r\nC: d" } },
    { kind: "http", target: "/", interval: "1ms" },
    { kind: "reported" },
    { kind: "reported", id: "x", rise: 2 },
    { kind: "http", target: "/", fall: 0 },
    { kind: "udp", target: ":53/path" },
    { kind: "http2", target: "host.only" },
  ];
  for (const check of bodies)
    await api.refused(400, "invalid", "PUT", pathOf("x"), { address: "127.0.0.1", port: 1, checks: [check] });
});

test("a run that finds what is known is no commit", async () => {
  const runs = async (): Promise<string> => (await lookAt("bad")).check.lastRun.at;
  const revision = async (): Promise<number> => (await api.ok("GET", "/v2/_/status")).revision;
  const [first, began] = [await runs(), await revision()];
  const second = await until(async () => {
    const now = await runs();
    return now !== first && now;
  });
  await until(async () => (await runs()) !== second);
  assert.equal(await revision(), began);
});

test("a check that is to be reported in time turns critical when nobody does", async () => {
  const path = pathOf("timed");
  const leases = async (): Promise<string[]> =>
    (await api.ok("GET", "/v2/default/leases")).leases.map(({ lease }: { lease: string }) => lease);
  const report = (status: string) => api.ok("PUT", `${path}/checks/job`, { status });
  const revision = async (): Promise<number> => (await api.ok("GET", "/v2/_/status")).revision;
  const check = { id: "job", kind: "ttl", interval: "1s" };
  await api.ok("PUT", path, { address: "127.0.0.1", ttl: 0, checks: [check] });
  await report("passing");
  await until(async () => (await leases()).includes("check/checked/timed/job"));
  // On a busy machine its second may be over before it is looked at.
  await until(async () => {
    await report("passing");
    return (await lookAt("timed")).status === "passing";
  });
  // It may have ended on a busy machine: then the report was a change.
  await until(async () => {
    const before = await revision();
    await report("passing");
    await report("passing");
    return (await revision()) === before;
  });
  const late = await until(async () => {
    const { check } = await lookAt("timed");
    return check.status === "critical" && check;
  });
  assert.equal(late.output, "TTL expired");
  await report("warning");
  assert.equal((await lookAt("timed")).status, "warning");
  await api.ok("DELETE", path);
  await until(async () => !(await leases()).some((lease) => lease.startsWith("check/")));
  await api.refused(400, "invalid", "PUT", path, { address: "127.0.0.1", checks: [{ ...check, interval: "10ms" }] });
});

interface Shown {
  readonly Status: string;
  readonly Output: string;
  readonly Type: string;
  readonly CheckID: string;
}

async function consulChecks(name: string): Promise<Readonly<Record<string, Shown>>> {
  const checks: Shown[] = (await consul.get(`/health/checks/${name}`)).json();
  return Object.fromEntries(checks.map((check) => [check.CheckID, check]));
}

test("Consul's checks are run as its agent would, at services and at the node, and aliases follow", async () => {
  const fast = { Interval: "1s" };
  const service = {
    Name: "web",
    Port: http,
    Checks: [
      { CheckID: "h", HTTP: at("/redirect"), ...fast, Header: { "X-A": ["1"] }, SuccessBeforePassing: 2 },
      { CheckID: "d", HTTP: at("/redirect"), ...fast, DisableRedirects: true },
      { CheckID: "t", TCP: `127.0.0.1:${http}`, Interval: "1ms" },
      { CheckID: "u", UDP: `127.0.0.1:${udp}`, ...fast },
      { CheckID: "p", H2PING: `127.0.0.1:${grpcs}`, TLSSkipVerify: true, ...fast },
      { CheckID: "q", H2PING: `127.0.0.1:${grpc}`, H2PingUseTLS: false, ...fast },
      { CheckID: "g", GRPC: `127.0.0.1:${grpcs}/good`, GRPCUseTLS: true, TLSSkipVerify: true, ...fast },
    ],
  };
  assert.equal((await consul.put("/agent/service/register", service)).status, 200);
  const alias = { Name: "front", ID: "front-1", Check: { CheckID: "a", AliasService: "web" } };
  assert.equal((await consul.put("/agent/service/register", alias)).status, 200);
  const node = { Name: "disk", HTTP: at("/busy"), ...fast };
  assert.equal((await consul.put("/agent/check/register", node)).status, 200);
  const found = await until(async () => {
    const checks = await consulChecks("web");
    return Object.values(checks).every(({ Output }) => Output !== "") && checks;
  });
  assert.deepEqual([found.h?.Status, found.h?.Output], ["passing", `HTTP GET ${at("/ok")}: 200 OK Output: fine`]);
  assert.deepEqual([found.d?.Status, found.d?.Output], ["critical", `HTTP GET ${at("/redirect")}: 302 Found Output: `]);
  assert.deepEqual([found.t?.Output, found.t?.Type], [`TCP connect 127.0.0.1:${http}: Success`, "tcp"]);
  assert.deepEqual([found.u?.Output, found.u?.Type], [`UDP connect 127.0.0.1:${udp}: Success`, "udp"]);
  for (const ping of [found.p, found.q])
    assert.deepEqual([ping?.Output, ping?.Type, ping?.Status], ["HTTP2 ping was successful", "h2ping", "passing"]);
  assert.deepEqual([found.g?.Output, found.g?.Type], [`gRPC check 127.0.0.1:${grpcs}/good: success`, "grpc"]);
  const disk = await until(async () => {
    const { disk } = (await consul.get("/agent/checks")).json();
    return disk.Status === "warning" && disk;
  });
  assert.equal(disk.Output, `HTTP GET ${at("/busy")}: 429 Too Many Requests Output: later`);
  const aliased = await until(async () => {
    const { a } = await consulChecks("front");
    return a?.Output.includes("302 Found") && a;
  });
  assert.equal(aliased.Status, "critical");
  assert.match(aliased.Output, /^Aliased check "Service 'web' check" failing: HTTP GET/);
  assert.equal((await consul.put("/agent/service/deregister/web")).status, 200);
  await until(async () => (await consulChecks("front")).a?.Output === `Aliased check "disk" failing: ${disk.Output}`);
  const wrong: readonly (readonly [object, number, RegExp])[] = [
    [{ Args: ["true"], Interval: "1s" }, 500, /^Scripts are disabled on this agent/],
    [{ DockerContainerID: "x", Args: ["true"], Interval: "1s" }, 500, /^Scripts are disabled on this agent/],
    [{ OSService: "ssh", Interval: "1s" }, 500, /^not implemented$/],
    [{ HTTP: at("/ok") }, 400, /Interval must be > 0/],
    [{ HTTP: at("/ok"), Interval: "1s", TTL: "1s" }, 400, /Interval and TTL cannot both be specified/],
    [{ TCP: "nowhere", Interval: "1s" }, 400, /Invalid check: /],
    [
      { HTTP: at("/ok"), Interval: "1s", FailuresBeforeWarning: 3, FailuresBeforeCritical: 2 },
      400,
      /FailuresBeforeWarning can't be higher than FailuresBeforeCritical/,
    ],
  ];
  for (const [check, status, text] of wrong) {
    const answer = await consul.put("/agent/check/register", { Name: "wrong", ...check });
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, text);
  }
});

test("checks go on after a restart, and count from what was known", async () => {
  const check = { kind: "http", target: "/toggle", interval: "1s", fall: 2 };
  await api.ok("PUT", pathOf("toggle"), { address: "127.0.0.1", port: http, ttl: 0, checks: [check] });
  await until(async () => (await lookAt("toggle")).status === "passing");
  await consul.rollcall.restart();
  targets.toggle = 503;
  const seen = await until(async () => {
    const { check } = await lookAt("toggle");
    return check.lastRun?.status === "critical" && check;
  });
  const settled = await until(async () => {
    const now = await lookAt("toggle");
    return now.status === "critical" && now;
  });
  // Known at the first bad run, or at the second: which of the two was looked at is chance.
  assert.ok(seen.status === "passing" || Date.parse(settled.check.lastRun.at) >= Date.parse(seen.lastRun.at));
  const metrics = (await api.call("GET", "/metrics")).text;
  assert.match(metrics, /rollcall_check_runs_total\{status="critical"\} [1-9]/);
  assert.match(metrics, /rollcall_checks_kept_total [1-9]/);
});
