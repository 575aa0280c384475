/** The commands against a running registry: tables for people, documents for scripts, exit codes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type {
  EventsBody,
  ExplainBody,
  KeyBody,
  KeysBody,
  LeasesBody,
  NetChangesBody,
  NodeStatusBody,
  ServiceBody,
  ServicesBody,
} from "@rollcall/client";
import { clean } from "../../packages/registry/src/bin/terminal/output.ts";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { startReceiver } from "../hooks/receiver.ts";
import { commandLine, run } from "./rig.ts";

const scope = { after };
const server = await startRollcall(scope, { dialects: "http,eureka" });
const { cli, json } = commandLine(server.url);

test("an instance is registered, listed, explained and deregistered", async () => {
  const flags = [
    "--port",
    "8080",
    "--tag",
    "blue",
    "--meta",
    "rack=7=a",
    "--version",
    "1.2",
    "--zone",
    "east",
    "--ttl",
    "10m",
  ];
  assert.match(
    (await cli(["register", "api", "api-1", ...flags])).stdout,
    /^api\/api-1 registered for 10m \(revision \d+\)\n$/,
  );
  assert.match((await cli(["register", "api", "api-1", ...flags])).stdout, /^api\/api-1 is registered for 10m/);
  assert.match((await cli(["register", "api", "api-1", "--if-absent"], 1)).stderr, /^rollcall: /);
  await cli(["register", "api", "api-2", "--status", "critical", "--named-port", "admin=9000", "--ttl", "0"]);

  const table = (await cli(["instances", "api"])).stdout.trimEnd().split("\n");
  assert.match(table[0] as string, /^ID {5}ADDRESS {9}STATUS {4}VERSION {2}ZONE {2}TTL {2}AGE {2}TAGS$/);
  assert.match(table[1] as string, /^api-1 {2}127\.0\.0\.1:8080 {2}passing {3}1\.2 {6}east {2}10m {2,3}\S+ {2}blue$/);
  assert.match(table[2] as string, /^api-2 {2}127\.0\.0\.1:9000 {2}critical/);
  assert.doesNotMatch(table.join(), /\p{Cc}/u);

  const body = await json<ServiceBody>(["instances", "api", "--tag", "blue", "--meta", "rack=7=a"]);
  assert.deepEqual(
    body.instances.map((one) => one.id),
    ["api-1"],
  );
  assert.match((await cli(["services"])).stdout, /^api +2 {2}1 passing, 1 critical +1\.2 +east +blue$/m);
  const services = await json<ServicesBody>(["services", "--zone", "east"]);
  assert.equal(services.next, null);
  assert.ok(services.services.some((one) => one.service === "api"));
  assert.equal((await cli(["instances", "nobody"])).stdout, "no instances of nobody\n");

  assert.match(
    (await cli(["explain", "api", "api-1"])).stdout,
    /passing[\s\S]*kept alive by {2}lease [\s\S]*ttl 10m[\s\S]*AGO {2}REVISION {2}WHAT/,
  );
  assert.match((await cli(["deregister", "api", "api-1"])).stdout, /^api\/api-1 deregistered\n$/);
  assert.match((await cli(["deregister", "api", "api-1"], 4)).stderr, /^rollcall: there is no api\/api-1\n$/);
  const gone = await json<ExplainBody>(["explain", "api", "api-1"]);
  assert.equal(gone.present, false);
  assert.equal(gone.gone?.cause, "deregistered");
  await cli(["explain", "api", "never"], 4);
});

test("control characters of others do not reach the terminal", async () => {
  await cli(["register", "evil", "e", "--ttl", "10m", "--version", "\u202e[31mred", "--zone", "a\u200fb"]);
  const { stdout } = await cli(["instances", "evil"]);
  assert.doesNotMatch(stdout.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
  assert.match(stdout, /\ufffd\[31mred/);
  // The native API takes no control characters, but other protocols may.
  assert.equal(clean("\x1b[31mred\u009b"), "\ufffd[31mred\ufffd");
});

test("configuration values go in and come out as they are, conditions hold", async () => {
  await cli(["config", "set", "app/mode", "dark", "--if-absent"]);
  assert.match((await cli(["config", "set", "app/mode", "light", "--if-absent"], 1)).stderr, /the key already exists/);
  const { modRevision } = await json<KeyBody>(["config", "get", "app/mode"]);
  await cli(["config", "set", "app/mode", "light", "--if-revision", String(modRevision)]);
  assert.equal((await cli(["config", "get", "app/mode"])).stdout, "light");

  const file = join(temporaryDirectory(scope), "value");
  writeFileSync(file, "line\nline\n");
  await cli(["config", "set", "app/file", "--file", file]);
  assert.equal((await cli(["config", "get", "app/file"])).stdout, readFileSync(file, "utf8"));
  await cli(["config", "set", "app/stdin"], 0, { input: "from stdin" });
  await cli(["config", "set", "app/empty", ""]);
  assert.equal((await cli(["config", "get", "app/empty"])).stdout, "");
  const list = (await cli(["config", "list", "app/"])).stdout;
  assert.match(list, /^KEY +VERSION +REVISION +LEASE +VALUE$/m);
  assert.match(list, /^app\/file +1 +\d+ +- +line line$/m);
  const { keys } = await json<KeysBody>(["config", "list", "app/"]);
  assert.deepEqual(
    keys.map((one) => one.key),
    ["app/empty", "app/file", "app/mode", "app/stdin"],
  );

  await cli(["config", "get", "nope"], 4);
  await cli(["config", "delete", "nope"], 4);
  assert.match((await cli(["config", "delete", "app/mode"])).stdout, /^1 key deleted/);
  assert.match((await cli(["config", "delete", "app/", "--prefix"])).stdout, /^3 keys deleted/);
  assert.equal((await cli(["config", "list", "app/"])).stdout, 'no keys begin with "app/"\n');
});

test("leases, held leases, consumers and status are shown", async () => {
  await cli(["register", "leased", "l-1", "--ttl", "45m"]);
  const { leases } = await json<LeasesBody>(["leases"]);
  const lease = leases.find((one) => one.ttlMs === 2_700_000)?.lease as string;
  assert.match((await cli(["leases"])).stdout, /^LEASE +TTL +ENDS +BEATS +LAST BEAT +VIA +NOTE$/m);
  assert.match((await cli(["leases", lease])).stdout, /^keeps alive {2}leased\/l-1$/m);
  await cli(["leases", "nobody"], 4);
  assert.equal((await cli(["held"])).stdout, "nothing is held\n");
  assert.deepEqual((await json<LeasesBody>(["held", "list"])).leases, []);
  assert.equal((await cli(["held", "release"])).stdout, "0 leases released\n");
  assert.equal((await cli(["consumers"])).stdout, "nobody subscribes\n");
  assert.match(
    (await cli(["status"])).stdout,
    /^state +ready$[\s\S]*^http +http:\/\/127\.0\.0\.1:\d+$[\s\S]*^ACCOUNT +SERVICES/m,
  );
  assert.equal((await json<NodeStatusBody>(["status"])).ready, true);
});

test("events are the latest, of one type, or all since a cursor", async () => {
  for (const id of ["1", "2", "3"]) await cli(["register", "ev", id, "--ttl", "10m"]);
  const last = await json<EventsBody>(["events", "--service", "ev", "--type", "instance.registered", "--last", "2"]);
  assert.deepEqual(
    last.events.map((one) => one.instance),
    ["2", "3"],
  );
  const since = await json<EventsBody>([
    ...["events", "--service", "ev", "--type", "instance.*"],
    ...["--after", last.events[0]?.id as string],
  ]);
  assert.deepEqual(
    since.events.map((one) => one.instance),
    ["3"],
  );
  assert.match(
    (await cli(["events", "--last", "1", "--type", "instance.registered"])).stdout,
    /^\d\d:\d\d:\d\d {2}\d+-\d+ +instance\.registered +ev\/3 {2}registered through http/,
  );
  assert.equal((await cli(["events", "--type", "key.deleted", "--after", since.cursor])).stdout, "no events\n");
  assert.match((await cli(["events", "--type", "what"], 2)).stderr, /--type/);
});

test("an operator's word and a check's result are said, and taken back", async () => {
  await cli(["register", "op", "1", "--ttl", "10m"]);
  assert.match((await cli(["drain", "op", "1"])).stdout, /^op\/1 is draining, whatever it says \(revision \d+\)\n$/);
  assert.match((await cli(["instances", "op"])).stdout, /^1 .* draining /m);
  assert.match((await cli(["drain", "op", "1", "--undo"])).stdout, /^op\/1 is no longer overridden: passing /);
  await cli(["override", "op", "1", "critical"]);
  assert.match((await cli(["override", "op", "1", "--clear"])).stdout, /: passing /);
  assert.match(
    (await cli(["report", "op", "1", "disk", "warning", "nearly full"])).stdout,
    /^check disk of op\/1 is warning/,
  );
  assert.match((await cli(["explain", "op", "1"])).stdout, /^check disk +warning, \S+ ago: nearly full$/m);
  for (const args of [["drain"], ["override", "--clear"], ["report", "disk", "passing"]]) {
    const [verb = "", ...rest] = args;
    assert.match((await cli([verb, "op", "nobody", ...rest], 4)).stderr, /^rollcall: /);
  }
});

test("leases are granted, renewed and ended", async () => {
  const name = (await cli(["lease", "grant", "--ttl", "10m"])).stdout.trim();
  await cli(["config", "set", "leased/key", "v", "--lease", name]);
  assert.equal((await cli(["lease", "renew", name])).stdout, `${name} renewed for 10m\n`);
  assert.match((await cli(["lease", "end", name])).stdout, new RegExp(`^${name} ended `));
  await cli(["config", "get", "leased/key"], 4);
  for (const verb of ["renew", "end"]) await cli(["lease", verb, name], 4);
  assert.equal(
    (await json<{ lease: string }>(["lease", "grant", "mine", "--ttl", "10m", "--meta", "a=b"])).lease,
    "mine",
  );
  await cli(["lease", "end", "mine"]);
});

test("a transaction comes from a file or standard input, and its guards give the exit code", async () => {
  const body = JSON.stringify({ guards: [{ key: "tx", exists: false }], then: [{ put: { key: "tx", value: "1" } }] });
  const file = join(temporaryDirectory(scope), "transaction.json");
  writeFileSync(file, body);
  assert.equal(JSON.parse((await cli(["transaction", file])).stdout).succeeded, true);
  const again = await cli(["transaction"], 1, { input: body });
  assert.equal(JSON.parse(again.stdout).succeeded, false);
  assert.match(again.stderr, /the guards did not hold/);
  assert.match((await cli(["transaction", "-"], 2, { input: "{" })).stderr, /^rollcall: - is no JSON/);
});

test("what is yet to come is not followed", async () => {
  for (const command of [["watch"], ["config", "watch"]])
    assert.match(
      (await cli([...command, "--after", "999999"], 4)).stderr,
      /^rollcall: revision 999999 is not there yet: the registry is at \d+\n$/,
    );
});

test("an instance's own lease is not told twice, unless all is asked for", async () => {
  await cli(["register", "once", "1", "--ttl", "10m"]);
  assert.deepEqual((await cli(["events", "--last", "2"])).stdout.match(/lease\.granted.*once/g), null);
  assert.match(
    (await cli(["events", "--last", "2", "--all"])).stdout,
    /lease\.granted +once\/1[\s\S]*instance\.registered +once\/1/,
  );
  assert.match((await cli(["events", "--last", "1", "--type", "lease.granted"])).stdout, /lease\.granted +once\/1/);
  const lines = (await cli(["events", "--service", "once", "--last", "9"])).stdout.trimEnd().split("\n");
  assert.equal(lines.length, 1, "of this service alone");
  const lease = (await cli(["lease", "grant", "--ttl", "10m"])).stdout.trim();
  assert.match(
    (await cli(["events", "--last", "1"])).stdout,
    new RegExp(`lease\\.granted +${lease}`),
    "a shared one is news",
  );
});

test("flags beat variables, and NO_COLOR and pipes stay plain", async () => {
  const away = await run(["services", "--url", server.url], { env: { ROLLCALL_URL: "http://127.0.0.1:1" } });
  assert.equal(away.code, 0);
  const other = await json<ServicesBody>(["services"], { env: { ROLLCALL_ACCOUNT: "other" } });
  assert.deepEqual(other.services, []);
  for (const [args, nothing] of [
    [["services"], "no services"],
    [["instances", "api"], "no instances of api"],
    [["leases"], "no leases"],
    [["config", "list"], "no keys"],
  ] as const)
    assert.equal((await cli([...args, "--account", "othre"])).stdout, `${nothing} in the account othre\n`);
  const document = await cli(["services"], 0, { env: { ROLLCALL_OUTPUT: "json" } });
  assert.ok(JSON.parse(document.stdout));
  assert.equal((await run(["services", "--account", "not/legal", "--url", server.url])).code, 1);
});

test("a port that is not the native one is told as that", async () => {
  const strange = await run(["services", "--url", `http://127.0.0.1:${server.port("eureka")}`]);
  assert.equal(strange.code, 1);
  assert.match(strange.stderr, /answered 404 Not Found\nIs this the native port of a registry/);
});

test("tokens and accounts: made, listed, used, removed", async () => {
  const guarded = commandLine((await startRollcall(scope)).url);
  const first = await guarded.cli(["token", "create", "root", "--role", "admin", "--all-accounts"]);
  assert.match(first.stderr, /It is the first token: from now on the registry refuses every request without one/);
  const root = first.stdout.trim();
  assert.match((await guarded.cli(["services"], 1)).stderr, /token[\s\S]*Give a token with --token or ROLLCALL_TOKEN/);
  const asRoot = { env: { ROLLCALL_TOKEN: root } };
  assert.match(
    (await guarded.cli(["account", "set", "acme", "--instances-max", "1"], 0, asRoot)).stdout,
    /^acme +\d+ +1 /m,
  );
  await guarded.cli(["account", "set", "acme", "--instances-max", "x"], 2, asRoot);
  const made = await guarded.json<{ id: string; token: string }>(
    ["token", "create", "ci", "--account", "acme"],
    asRoot,
  );
  assert.match((await guarded.cli(["token", "list"], 0, asRoot)).stdout, /^ci +\S+ +acme +writer/m);
  const asCi = { env: { ROLLCALL_TOKEN: made.token, ROLLCALL_ACCOUNT: "acme" } };
  assert.match(
    (await guarded.cli(["token", "list"], 1, asCi)).stderr,
    /ci is for one account; this needs a token for all accounts\nGive a token/,
  );
  await guarded.cli(["register", "api", "1"], 0, asCi);
  assert.match((await guarded.cli(["register", "api", "2"], 1, asCi)).stderr, /instance/);
  await guarded.cli(["services", "--account", "default"], 1, asCi);
  await guarded.cli(["token", "remove", made.id], 0, asRoot);
  await guarded.cli(["services"], 1, asCi);
  await guarded.cli(["token", "remove", made.id], 4, asRoot);
  const unknown = await guarded.cli(["token", "create", "x", "--account", "nobody"], 4, asRoot);
  assert.match(unknown.stderr, /^rollcall: there is no account nobody\nMake it first: rollcall account set nobody\n/);

  const inAcme = { env: { ...asRoot.env, ROLLCALL_ACCOUNT: "acme" } };
  await guarded.cli(["register", "api", "1", "--ttl", "0"], 0, inAcme);
  await guarded.cli(["config", "set", "k", "v"], 0, inAcme);
  await guarded.cli(["token", "create", "ci"], 0, inAcme);
  assert.match((await guarded.cli(["account", "delete", "acme"], 1, asRoot)).stderr, /still holds 1 instance, 1 key\n/);
  assert.equal(
    (await guarded.cli(["account", "delete", "acme", "--contents"], 0, asRoot)).stdout,
    "account acme deleted\n",
  );
  assert.equal((await guarded.cli(["instances"], 0, inAcme)).stdout, "no instances in the account acme\n");
  assert.doesNotMatch((await guarded.cli(["token", "list"], 0, asRoot)).stdout, /acme/);
  await guarded.cli(["account", "delete", "acme"], 4, asRoot);
  await guarded.cli(["account", "set", "shop"], 0, asRoot);
  assert.equal((await guarded.json<{ accounts: unknown[] }>(["account", "list"], asRoot)).accounts.length > 0, true);
});

test("what a command does not need is not loaded", async () => {
  const file = join(temporaryDirectory(scope), "loaded.cjs");
  writeFileSync(file, 'process.on("exit", () => process.stderr.write(process.moduleLoadList.join()));');
  const { stderr } = await cli(["services"], 0, { env: { NODE_OPTIONS: `--require ${file}` } });
  assert.match(stderr, /NativeModule _http_client\b/);
  // What a newer Node loads with node:http is its own affair.
  const plain = spawnSync(process.execPath, [
    ...["--require", file, "--input-type=module"],
    ...["-e", 'import "node:http";'],
  ]);
  const loadedBy = (text: string): string[] =>
    ["internal/deps/undici/undici", "crypto", "tls", "zlib"].filter((name) =>
      text.split(",").includes(`NativeModule ${name}`),
    );
  // Each takes 5 to 30 ms.
  assert.deepEqual(loadedBy(stderr), loadedBy(plain.stderr.toString()));
});

test("hooks are set, listed with what is wrong with them, and removed", async () => {
  const receiver = await startReceiver(scope);
  receiver.behave(500);
  const set = await cli(["hooks", "set", "pager", receiver.url, "--type", "key.*"]);
  assert.match(set.stdout, /^whsec_[A-Za-z0-9+/]{43}=\n$/);
  await cli(["config", "set", "hooked", "v"]);
  await until(() => receiver.posts.length > 0);
  const failing = { text: "" };
  await until(async () => {
    failing.text = (await cli(["hooks"])).stdout;
    return failing.text.includes("not taken");
  });
  assert.match(
    failing.text,
    /^HOOK +URL +TYPES +SERVICES +STATE\npager +http\S+ +key\.\* +all +not taken for \S+: it answered 500\n$/,
  );
  const doctor = await run(["doctor"], { env: { ROLLCALL_URL: server.url } });
  assert.match(doctor.stdout, /^hooks +warn +pager is not taken for \S+: it answered 500$/m);
  await cli(["hooks", "set", "bad", receiver.url, "--type", "nonsense"], 2);
  assert.match((await cli(["hooks", "remove", "pager"])).stdout, /^pager removed/);
  await cli(["hooks", "remove", "pager"], 4);
});

test("what is different, which status was when, and what wants looking at", async () => {
  const from = (await json<NodeStatusBody>(["status"])).revision;
  await cli(["register", "past", "p-1", "--port", "80", "--ttl", "0"]);
  await cli(["override", "past", "p-1", "critical", "--reason", "a test", "--for", "10m"]);
  assert.match((await cli(["explain", "past", "p-1"])).stdout, /^override +critical until \S+: a test$/m);
  const changes = await cli(["changes", "--from", String(from)]);
  assert.match(changes.stdout, /came +past\/p-1 +http/);
  assert.match(changes.stdout, /^1 came, 0 left, 0 changed, 0 keys in 2 commits;/m);
  assert.equal((await json<NetChangesBody>(["changes", "--from", "1h"])).next, null);
  await cli(["changes", "--from", "999999999"], 4);
  const history = (await cli(["history", "past", "p-1", "--from", "15m"])).stdout.trimEnd().split("\n");
  assert.match(history.at(-1) ?? "", /critical +overridden$/);
  assert.match((await cli(["history", "past"])).stdout, /1 critical$/m);
  assert.match((await cli(["top", "--once", "--rows", "50"])).stdout, /^past +0 +1 +\S+ +1 critical/m);
  await cli(["deregister", "past", "p-1"]);
});

test("a word on all instances that match", async () => {
  for (const id of ["m-1", "m-2"]) await cli(["register", "many", id, "--port", "80", "--ttl", "0"]);
  const all = ["overrides", "--service", "many", "--status", "healthy"];
  assert.match((await cli([...all, "--set", "draining", "--dry"])).stdout, /^many +2 +2 +2 +0$/m);
  const done = await cli([...all, "--set", "draining", "--reason", "a test", "--for", "10m"]);
  assert.match(done.stderr, /^2 of 2 changed \(revision \d+\)$/m);
  assert.match((await cli(["overrides", "--service", "many", "--set", "none"])).stdout, /^many +2 +2 +0 +2$/m);
  await cli(["overrides", "--set", "draining"], 2);
  for (const id of ["m-1", "m-2"]) await cli(["deregister", "many", id]);
});
