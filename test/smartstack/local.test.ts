/** Instances on this machine: registered while their checks pass, withdrawn or marked when not, and on change only. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { Findings, readTree, Section } from "../../packages/registry/src/smartstack/tree.ts";
import { openTargets } from "../checks/targets-rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment } from "../harness/process.ts";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { createAuthority } from "../net/authority-rig.ts";
import { nerveService, startAgent, startBackend } from "./rig.ts";

const scope = { after };
const registry = await startRollcall(scope, { flags: ["--replicator", "memory"] });
const client = createClient({ url: registry.url });
const nginx = requirePackage("nginx", "nginx");
const promtool = requirePackage("prometheus", "promtool");

const statusesOf = async (service: string) =>
  Object.fromEntries((await client.service(service)).instances.map(({ id, status }) => [id, status]));

async function untilStatuses(service: string, wanted: Record<string, string>): Promise<void> {
  const sorted = (statuses: Record<string, string>) => JSON.stringify(Object.entries(statuses).sort());
  await until(async () => sorted(await statusesOf(service)) === sorted(wanted), { what: JSON.stringify(wanted) });
}

function nerve(services: Record<string, object>): { readonly nerve: object } {
  return { nerve: { instance_id: "box", services } };
}

test("by HTTP: withdrawn or marked, and only changes are told", async (t) => {
  const one = await startBackend(t, "one");
  const two = await startBackend(t, "two");
  const at = (service: string) => ({ zk_path: `/nerve/${service}` });
  await startAgent(
    t,
    registry.url,
    nerve({ gone: nerveService(one, at("gone")), kept: nerveService(two, { ...at("kept"), on_failure: "mark" }) }),
  );
  await untilStatuses("gone", { box: "passing" });
  await untilStatuses("kept", { box: "passing" });
  const { revision } = await client.services();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assert.equal((await client.services()).revision, revision, "ten runs of each check wrote nothing");
  await one.say("bad");
  await two.say("bad");
  await untilStatuses("gone", {});
  await untilStatuses("kept", { box: "critical" });
  await one.say("ok");
  await two.say("ok");
  await untilStatuses("gone", { box: "passing" });
  await untilStatuses("kept", { box: "passing" });
});

test("by TCP, with rise and fall", async (t) => {
  const port = await freePort();
  const checks = [{ type: "tcp", timeout: 2, rise: 2, fall: 3 }];
  const { said } = await startAgent(
    t,
    registry.url,
    nerve({ tcp: { host: "127.0.0.1", port, check_interval: 0.1, checks } }),
  );
  await until(() => said.some((line) => line.startsWith("tcp/box, check")));
  assert.deepEqual(await statusesOf("tcp"), {});
  const server = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
  await once(server, "listening");
  await untilStatuses("tcp", { box: "passing" });
  server.close();
  await untilStatuses("tcp", {});
});

test("by a program: 0 passes, 1 warns, all else fails, and what hangs is ended", async (t) => {
  const word = join(temporaryDirectory(t), "word");
  const say = (code: string) => writeFileSync(word, code);
  say("0");
  const command = `[ "$ROLLCALL_PORT" = 4 ] || exit 9; read code < ${word}; [ "$code" = hang ] && sleep 60; exit $code`;
  const checks = [{ type: "exec", command, timeout: 1, interval: 1.5 }];
  await startAgent(t, registry.url, nerve({ exec: { host: "127.0.0.1", port: 4, checks } }));
  await untilStatuses("exec", { box: "passing" });
  say("1");
  await untilStatuses("exec", { box: "warning" });
  say("2");
  await untilStatuses("exec", {});
  say("0");
  await untilStatuses("exec", { box: "passing" });
  say("hang");
  await untilStatuses("exec", {});
});

test("by gRPC, of the server or one of its services, and over TLS", async (t) => {
  const { grpc, grpcs, https } = await openTargets(
    t,
    createAuthority(temporaryDirectory(t), "own").sign("target", "target"),
  );
  const service = (port: number, check: object, name: string) => ({
    ...{ host: "127.0.0.1", port, zk_path: `/n/${name}`, check_interval: 0.2, on_failure: "mark" },
    checks: [{ timeout: 2, ...check }],
  });
  const checks: Record<string, object> = {
    whole: service(grpc, { type: "grpc" }, "whole"),
    good: service(grpc, { type: "grpc", service: "good" }, "good"),
    bad: service(grpc, { type: "grpc", service: "bad" }, "bad"),
    secure: service(grpcs, { type: "grpc", tls: true }, "secure"),
    plain: service(grpcs, { type: "grpc" }, "plain"),
    page: service(https, { type: "http", ssl: true, uri: "/" }, "page"),
  };
  await startAgent(t, registry.url, nerve(checks));
  for (const name of ["whole", "good", "secure", "page"]) await untilStatuses(name, { box: "passing" });
  for (const name of ["bad", "plain"]) await untilStatuses(name, { box: "critical" });
});

test("a text in the answer, and a time that the registry keeps", async (t) => {
  const one = await startBackend(t, "one");
  const check = { type: "http", uri: "/", timeout: 2 };
  await startAgent(
    t,
    registry.url,
    nerve({
      has: nerveService(one, { zk_path: "/n/has", checks: [{ ...check, expect: "one" }] }),
      lacks: nerveService(one, { zk_path: "/n/lacks", on_failure: "mark", checks: [{ ...check, expect: "two" }] }),
      timed: { host: "127.0.0.1", port: 1, checks: [{ type: "ttl", ttl: 2 }] },
    }),
  );
  await untilStatuses("has", { box: "passing" });
  await untilStatuses("lacks", { box: "critical" });
  await until(async () => (await client.instance("timed", "box"))?.checks[0]?.kind === "ttl");
  await client.report("timed", "box", "check-0", { status: "passing" });
  await untilStatuses("timed", { box: "passing" });
  await untilStatuses("timed", { box: "critical" });
});

test("a reload changes what is different, and the end takes all away", async (t) => {
  const one = await startBackend(t, "one");
  const first = { a: nerveService(one, { zk_path: "/n/ra" }), b: nerveService(one, { zk_path: "/n/rb" }) };
  const { close, reload } = await startAgent(t, registry.url, nerve(first));
  await untilStatuses("ra", { box: "passing" });
  await untilStatuses("rb", { box: "passing" });
  const before = await client.instance("ra", "box");
  await reload(nerve({ a: first.a, c: nerveService(one, { zk_path: "/n/rc", weight: 7 }) }));
  await untilStatuses("rb", {});
  await untilStatuses("rc", { box: "passing" });
  assert.equal(
    (await client.instance("ra", "box"))?.modRevision,
    before?.modRevision,
    "what is the same is not touched",
  );
  await reload(nerve({ a: nerveService(one, { zk_path: "/n/ra", weight: 9 }) }));
  await until(async () => (await client.instance("ra", "box"))?.weight === 9);
  assert.equal((await client.instance("ra", "box"))?.createRevision, before?.createRevision, "it never went");
  await close();
  assert.deepEqual([await statusesOf("ra"), await statusesOf("rc")], [{}, {}]);
});

test("files as nginx, Prometheus and a shell take them", { skip: nginx.skip || promtool.skip }, async (t) => {
  const folder = temporaryDirectory(t);
  const at = (name: string): string => join(folder, name);
  const meta = { "odd key": 'a "quoted"\nvalue; }', plain: "x" };
  const spec = { service: "read", ttl: 0, meta, tags: ["a", "b c"] };
  await client.registerOnce({ ...spec, id: "a; }", address: "10.0.0.1", port: 1, weight: 3 });
  await client.registerOnce({ ...spec, id: "b", address: "::1", port: 2 });
  await client.registerOnce({ ...spec, id: "c", address: "10.0.0.3", port: 3, status: "draining" });
  await client.registerOnce({ ...spec, id: "d", address: "10.0.0.4", port: 4, weight: 0 });
  const outputs = ["nginx.conf", "prometheus.json", "env", "yaml"].map((name) => ({
    ...{ path: at(name), format: name.replace(/\..*/, "") },
    // Fails until somebody helps.
    ...(name === "yaml" ? { command: `echo $ROLLCALL_SERVICE >> ${at("ran")}; test -e ${at("helped")}` } : {}),
  }));
  const read = { discovery: { method: "rollcall", service: "read" }, outputs };
  const { said } = await startAgent(t, registry.url, { synapse: { services: { read } } });
  await until(() => outputs.every(({ path }) => existsSync(path)));

  const port = await freePort();
  const server = `server { listen 127.0.0.1:${port}; location / { proxy_pass http://read; } }`;
  writeFileSync(at("whole.conf"), `pid ${at("pid")};\nevents {}\nhttp { include ${at("nginx.conf")}; ${server} }\n`);
  await assertRuns(nginx.path, ["-t", "-q", "-e", "stderr", "-c", at("whole.conf")]);
  const scrape = `scrape_configs: [{job_name: j, file_sd_configs: [{files: [${at("prometheus.json")}]}]}]`;
  writeFileSync(at("prometheus.yml"), scrape);
  await assertRuns(promtool.path, ["check", "config", at("prometheus.yml")]);
  const said4 = await assertRuns("/bin/sh", ["-c", `. ${at("env")}; echo "$READ_HOST $READ_PORT|$READ_ADDRESSES"`]);
  assert.match(said4, /^10\.0\.0\.1 1\|10\.0\.0\.1:1 \[::1\]:2 10\.0\.0\.4:4$/m);
  const tree = readTree(readFileSync(at("yaml"), "utf8"), "yaml");
  assert.ok(tree.ok, JSON.stringify(tree));
  const rows = new Section(tree.value, "yaml", "", new Findings()).sections("read");
  assert.deepEqual([rows.length, rows[0]?.text("name"), rows[0]?.map("labels")], [4, "a; }", meta]);

  const troubles = () => said.filter((line) => line.startsWith(`${at("yaml")}: its command failed`));
  await until(() => troubles().length > 0);
  writeFileSync(at("helped"), "");
  await until(() => said.includes(`${at("yaml")} is well again`));
  assert.equal(troubles().length, 1);
  assert.match(readFileSync(at("ran"), "utf8"), /^(?:read\n){2,}$/);
});

/** What it printed. */
async function assertRuns(path: string, args: readonly string[]): Promise<string> {
  const child = spawn(path, args, { env: cleanEnvironment(), timeout: 10_000 });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0, output);
  return output;
}

test("files of every format, replaced as a whole, with a command when they changed", async (t) => {
  const folder = temporaryDirectory(t);
  const at = (name: string): string => join(folder, name);
  writeFileSync(at("source"), "{{#instances}}{{id}} {{/instances}}");
  const file = (format: string, more: object = {}) => ({ path: at(format), format, ...more });
  const command = `echo "$ROLLCALL_SERVICE" >> ${at("commands")}`;
  const outputs = [
    file("yaml"),
    file("env"),
    file("prometheus"),
    file("nginx"),
    file("template", { template: at("source"), command }),
  ];
  const service = { discovery: { method: "rollcall", service: "filed" }, outputs };
  const synapse = { services: { filed: service }, file_output: { output_directory: at("out") } };
  const { reload } = await startAgent(t, registry.url, { synapse });
  const isIn = (name: string, part: string) => until(() => readFileSync(at(name), "utf8").includes(part));
  const spec = { service: "filed", address: "10.0.0.1", port: 1, ttl: 0 };
  await client.registerOnce({ ...spec, id: "a" });
  await isIn("out/filed.json", '"name": "a"');
  await isIn("env", "FILED_HOST=10.0.0.1");
  await isIn("nginx", "server 10.0.0.1:1 weight=100;");
  await isIn("prometheus", '"10.0.0.1:1"');
  await isIn("yaml", "host: 10.0.0.1");
  await isIn("template", "a ");
  await isIn("commands", "filed\n");
  // Empty answers are no reason to forget who was there; the last one stays until another comes.
  await client.deregister("filed", "a");
  await client.registerOnce({ ...spec, id: "b" });
  await isIn("template", "b ");
  await reload({ synapse: { services: { other: { discovery: { method: "base" } } } } });
  await until(() => !existsSync(at("out/filed.json")));
});
