/** What signals mean: stop, end at once, read again, nothing. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { constants, openSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { Client } from "../doozer/rig.ts";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment } from "../harness/process.ts";
import { PROGRAM, type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { openTerminal } from "../harness/terminal.ts";

const HTTP = ["--dialects", "http"];

function signal({ pid }: Rollcall, name: NodeJS.Signals): void {
  process.kill(pid, name);
}

/** Waits for another line of the log that says this. */
async function said(rollcall: Rollcall, message: string, times = 1) {
  const found = () => rollcall.logs.filter(({ msg }) => msg === message);
  await until(() => found().length >= times, { what: `"${message}" ${times} times` });
  return found().at(-1) as Record<string, unknown>;
}

async function reload(rollcall: Rollcall) {
  const before = rollcall.logs.filter(({ msg }) => msg === "reloaded").length;
  signal(rollcall, "SIGHUP");
  return said(rollcall, "reloaded", before + 1);
}

for (const name of ["SIGTERM", "SIGINT", "SIGQUIT", "SIGXCPU", "SIGPWR"] as const)
  test(`${name} stops in order`, async (t) => {
    const rollcall = await startRollcall(t, { flags: HTTP });
    signal(rollcall, name);
    assert.deepEqual(await rollcall.exited, { code: 0, signal: null });
    assert.ok(rollcall.logs.some(({ msg }) => msg === "stopped"));
  });

test("other signals are harmless: no end, no debugger, no stream cut", async (t) => {
  const rollcall = await startRollcall(t, { flags: HTTP });
  const socket = connect(rollcall.port(), "127.0.0.1");
  socket.write("GET /v2/default/watch HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes.toString();
  });
  await until(() => text.includes("event: ready"));
  const harmless = ["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGIO", "SIGSTKFLT", "SIGPROF"] as const;
  for (const name of [...harmless, "SIGPIPE", "SIGWINCH", "SIGCHLD", "SIGURG", "SIGCONT", "SIGHUP"] as const)
    signal(rollcall, name);
  await until(() => rollcall.logs.filter(({ msg }) => msg === "this signal means nothing here").length >= 7);
  await said(rollcall, "reloaded");
  assert.equal((await request(`${rollcall.url}/v2/default/config/k`, { method: "PUT", body: "v" })).status, 201);
  await until(() => text.includes("event: change"));
  assert.doesNotMatch(rollcall.stderr(), /Debugger/);
  await assert.rejects(once(connect(9229, "127.0.0.1"), "connect"));
  socket.destroy();
});

test("told to stop a second time, later than by one Ctrl-C, it ends at once with a code of its own", async (t) => {
  const rollcall = await startRollcall(t, { flags: [...HTTP, "--http-close-timeout-ms", "20s"] });
  // A request that never ends keeps the stop waiting.
  const socket = connect(rollcall.port(), "127.0.0.1");
  socket.on("error", () => {});
  socket.write("PUT /v2/default/config/k HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  await request(`${rollcall.url}/readyz`);
  signal(rollcall, "SIGTERM");
  await said(rollcall, "stopping");
  const timer = setInterval(() => signal(rollcall, "SIGINT"), 200);
  t.after(() => clearInterval(timer));
  const exit = await rollcall.exited;
  clearInterval(timer);
  assert.deepEqual(exit, { code: 7, signal: null });
});

test("SIGHUP of a terminal that is closed stops in order", async (t) => {
  const terminal = await openTerminal(t);
  const stdin = openSync(terminal.path, constants.O_RDWR | constants.O_NOCTTY);
  const port = await freePort();
  const flags = ["--data", join(temporaryDirectory(t), "data"), ...HTTP, "--http-port", String(port)];
  const child = spawn(process.execPath, [PROGRAM, "serve", ...flags], {
    env: cleanEnvironment(),
    stdio: [stdin, stdin, stdin],
  });
  const exited = once(child, "exit");
  t.after(() => child.kill("SIGKILL"));
  const isReady = async () => (await request(`http://127.0.0.1:${port}/readyz`)).status === 200;
  await until(isReady);
  child.kill("SIGHUP");
  assert.ok(await isReady());
  await terminal.hangUp();
  child.kill("SIGHUP");
  // As the shell expects of what a hang-up ended; the store is closed.
  assert.deepEqual(await exited, [null, "SIGHUP"]);
});

function configure(scope: Scope, text: string): { file: string; write(text: string): void } {
  const file = join(temporaryDirectory(scope), "rollcall.yaml");
  const write = (content: string): void => writeFileSync(file, content);
  write(text);
  return { file, write };
}

const hash = (token: string): string => createHash("sha256").update(token).digest("hex");
const tokenLine = (name: string): string => `tokens:\n  - {name: ${name}, role: admin, sha256: ${hash(name)}}\n`;

test("SIGHUP takes over log level, tokens, accounts and limits, and names what takes a restart", async (t) => {
  const { file, write } = configure(t, tokenLine("old"));
  const rollcall = await startRollcall(t, { flags: [...HTTP, "--config", file] });
  const status = async (token: string): Promise<number> =>
    (await request(`${rollcall.url}/v2/acme/services`, { headers: { Authorization: `Bearer ${token}` } })).status;
  assert.deepEqual([await status("old"), await status("new")], [200, 401]);
  write(
    `${tokenLine("new")}log: {level: debug}\nhost: 127.0.0.2\nname: other\nlimits: {keysMax: 1}\naccounts:\n  acme: {limits: {keysMax: 2}}\n`,
  );
  const { taken } = await reload(rollcall);
  assert.deepEqual(taken, ["log", "accounts", "tokens", "limits"]);
  const { settings } = await said(rollcall, "these have changed, which takes a restart");
  assert.deepEqual(settings, ["host", "name"]);
  assert.deepEqual([await status("old"), await status("new")], [401, 200]);
  const put = async (account: string, key: string): Promise<number> => {
    const headers = { Authorization: "Bearer new" };
    return (await request(`${rollcall.url}/v2/${account}/config/${key}`, { method: "PUT", headers, body: "v" })).status;
  };
  assert.deepEqual([await put("default", "a"), await put("default", "b")], [201, 429]);
  assert.deepEqual([await put("acme", "a"), await put("acme", "b"), await put("acme", "c")], [201, 201, 429]);
});

test("a configuration that is broken, or would lock everybody out, changes nothing and says so", async (t) => {
  const { file, write } = configure(t, tokenLine("root"));
  const rollcall = await startRollcall(t, { flags: [...HTTP, "--config", file] });
  const works = async (): Promise<boolean> => {
    const headers = { Authorization: "Bearer root" };
    return (await request(`${rollcall.url}/v2/default/services`, { headers })).status === 200;
  };
  write("log: {level: loud}\n");
  signal(rollcall, "SIGHUP");
  const broken = await said(rollcall, "the configuration is not right; the old one stays");
  assert.match(String(broken.problems), /log\.level must be one of/);
  assert.ok(await works());
  write("accounts: {acme: {}}\n");
  await reload(rollcall);
  const partly = await said(rollcall, "not all of the configuration is right; the old parts stay");
  assert.match(String(partly.problems), /no token/);
  assert.ok(await works());
});

test("SIGHUP reads certificates at once; a broken one leaves the old", async (t) => {
  const folder = temporaryDirectory(t);
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const issue = (name: string): void => {
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const args = ["req", "-x509", ...newKey, "-keyout", key, "-out", cert, "-subj", `/CN=${name}`];
    execFileSync("openssl", args, { stdio: "pipe" });
  };
  issue("first");
  const flags = [...HTTP, "--tls-cert", cert, "--tls-key", key];
  const rollcall = await startRollcall(t, { flags });
  const shown = async (): Promise<string> => {
    const socket = connectTls({ port: rollcall.port(), host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const name = socket.getPeerCertificate().subject.CN;
    socket.destroy();
    return String(name);
  };
  assert.equal(await shown(), "first");
  issue("second");
  assert.deepEqual((await reload(rollcall)).taken, ["certificates"]);
  assert.equal(await shown(), "second");
  writeFileSync(cert, "no certificate");
  await reload(rollcall);
  assert.equal(await shown(), "second");
});

test("SIGHUP gives skydns another secret, doozer another cluster and serf another account", async (t) => {
  const settings = (skydns: string, cluster: string, account: string): string =>
    JSON.stringify({ dialectSettings: { skydns: { secret: skydns }, doozer: { cluster }, serf: { account } } });
  const { file, write } = configure(t, settings("old", "one", "default"));
  const rollcall = await startRollcall(t, { flags: ["--dialects", "http,skydns,doozer,serf", "--config", file] });
  const doozer = await Client.open(t, rollcall.port("doozer"));
  const cluster = async () => (await doozer.ask("GET", { path: "/ctl/name" })).value;
  assert.equal(await cluster(), "one");
  const url = `http://127.0.0.1:${rollcall.port("skydns")}/skydns/services/1`;
  const status = async (secret: string): Promise<number> =>
    (await request(url, { headers: { Authorization: secret } })).status;
  assert.deepEqual([await status("old"), await status("new")], [404, 401]);
  write(settings("new", "two", "acme"));
  assert.deepEqual((await reload(rollcall)).taken, ["skydns: settings", "serf: settings", "doozer: settings"]);
  assert.equal(await cluster(), "two");
  assert.deepEqual([await status("old"), await status("new")], [401, 404]);
});

test("SIGHUP gives dns its new settings and zone files; wrong ones and broken files leave the old", async (t) => {
  const folder = temporaryDirectory(t);
  const zone = join(folder, "example.test.zone");
  const writeZone = (address: string): void =>
    writeFileSync(
      zone,
      `@ 60 IN SOA ns admin ${Date.now() % 1e9} 60 60 600 60\n@ 60 IN NS ns\nns 60 IN A 127.0.0.1\nwww 60 IN A ${address}\n`,
    );
  writeZone("192.0.2.1");
  const file = join(folder, "rollcall.yaml");
  const write = (dns: object): void => writeFileSync(file, JSON.stringify({ dialectSettings: { dns } }));
  const files = [{ path: zone, origin: "example.test." }];
  write({ files });
  const rollcall = await startRollcall(t, { flags: ["--dialects", "http,dns", "--config", file] });
  const resolver = new Resolver({ tries: 2, timeout: 2000 });
  resolver.setServers([`127.0.0.1:${rollcall.port("dns")}`]);
  const find = (name: string): Promise<string[]> => resolver.resolve4(name).catch((error) => [error.code]);
  assert.deepEqual(await find("www.example.test"), ["192.0.2.1"]);
  write({ files, domain: "other.test." });
  writeFileSync(zone, "broken (\n");
  assert.ok(((await reload(rollcall)).taken as string[]).includes("dns: settings"));
  assert.deepEqual(await find("www.example.test"), ["192.0.2.1"]);
  writeZone("192.0.2.2");
  await reload(rollcall);
  assert.deepEqual(await find("www.example.test"), ["192.0.2.2"]);
  write({ files, domain: 5 });
  await reload(rollcall);
  const { problems } = await said(rollcall, "not all of the configuration is right; the old parts stay");
  assert.match(String(problems), /dns/);
  assert.deepEqual(await find("www.example.test"), ["192.0.2.2"]);
});
