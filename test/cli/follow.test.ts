/** Commands that go on until they are told to end: watch, events --follow, config watch, register --keep. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { openPipe, readPipe } from "../harness/pipes.ts";
import { cleanEnvironment, type Program, startProcess } from "../harness/process.ts";
import { PROGRAM, startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";

const scope = { after };
const server = await startRollcall(scope);
const rollcall = createClient({ url: server.url });
const spec = { address: "127.0.0.1", port: 1, ttl: "60s" };

function start(url: string, ...args: string[]): Program {
  return startProcess(scope, process.execPath, [PROGRAM, ...args], { env: cleanEnvironment({ ROLLCALL_URL: url }) });
}

async function endsQuietly(program: Program): Promise<void> {
  program.child.kill("SIGINT");
  assert.deepEqual(await program.exited, { code: 0, signal: null });
}

test("watch shows changes of a service as lines, and ends quietly on Ctrl-C", async () => {
  const watch = start(server.url, "watch", "api");
  await until(() => watch.stderr().includes("watching from revision"));
  await rollcall.registerOnce({ ...spec, service: "api", id: "1" });
  await rollcall.registerOnce({ ...spec, service: "other", id: "1" });
  await rollcall.deregister("api", "1");
  await until(() => watch.lines.some((line) => line.includes("deregistered")));
  assert.match(watch.lines.join("\n"), /^\d\d:\d\d:\d\d +\d+ {2}registered +api\/1 {2}/m);
  assert.doesNotMatch(watch.lines.join("\n"), /other/);
  await endsQuietly(watch);
});

test("with JSON every line is one commit or event", async () => {
  const watch = start(server.url, "watch", "-o", "json");
  const events = start(server.url, "events", "--follow", "--last", "0", "-o", "json");
  const config = start(server.url, "config", "watch", "app/", "-o", "json");
  let n = 0;
  // Writes until all three have seen something: they begin at "now", whenever that is.
  await until(async () => {
    await rollcall.config.put("app/k", String(n++));
    return [watch, events, config].every((program) => program.logs.length >= 2);
  });
  for (const program of [watch, events, config]) assert.equal(program.logs.length, program.lines.length);
  assert.ok(watch.logs.every((line) => Array.isArray(line.changes)));
  assert.ok(events.logs.every((line) => line.type === "key.put"));
  assert.ok(config.logs.every((line) => typeof line.revision === "number"));
  for (const program of [watch, events, config]) await endsQuietly(program);
});

test("register --keep holds an instance beyond its ttl and takes it out at the end", async () => {
  const keep = start(server.url, "register", "kept", "k-1", "--ttl", "1s", "--keep");
  await until(() => keep.lines.some((line) => line === "kept/k-1 registered; Ctrl-C deregisters it"));
  const lease = (await rollcall.instance("kept", "k-1"))?.lease as string;
  await until(async () => (await rollcall.leases.get(lease)).beats >= 4, { what: "four heartbeats" });
  await endsQuietly(keep);
  assert.equal(await rollcall.instance("kept", "k-1"), null);
  assert.equal(keep.lines.at(-1), "kept/k-1 deregistered");
});

test("register --keep --linger holds a connection, with which the instance goes at once", async () => {
  const keep = start(server.url, "register", "kept", "k-2", "--ttl", "10m", "--keep", "--linger", "100");
  const lease = await until(async () => (await rollcall.instance("kept", "k-2"))?.lease);
  await until(async () => (await rollcall.leases.get(lease)).beats > 0, { what: "the connection" });
  await keep.kill("SIGKILL");
  await until(async () => (await rollcall.instance("kept", "k-2")) === null);
});

test("watch and register --keep outlive a registry that is killed and started again", async () => {
  const own = await startRollcall(scope);
  const client = createClient({ url: own.url });
  // From the beginning: whichever of the two comes first, nothing is missed.
  const watch = start(own.url, "watch", "--after", "0", "-o", "json");
  const keep = start(own.url, "register", "kept", "k", "--ttl", "3s", "--keep");
  await until(() => keep.lines.length === 1 && watch.logs.length > 0);
  await own.kill("SIGKILL");
  await until(() => keep.stderr().includes("lost touch"), { what: "the loss to be noticed" });
  await own.restart();
  await until(() => keep.stderr().includes("in touch again"), { what: "the heartbeat to be back" });
  const { revision } = await client.config.put("after", "restart");
  await until(() => watch.logs.some((line) => line.revision === revision), { what: "the watch to be back" });
  assert.match(keep.stderr(), /lost touch, trying again: /);
  assert.ok(await client.instance("kept", "k"));
  await endsQuietly(keep);
  await endsQuietly(watch);
});

/** The command with this for its stdout. */
function startInto(stdout: number, ...args: string[]): { child: ChildProcess; exited: Promise<unknown[]> } {
  const env = cleanEnvironment({ ROLLCALL_URL: server.url });
  const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ["ignore", stdout, "inherit"] });
  const exited = once(child, "exit");
  scope.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return { child, exited };
}

test("a reader that is gone ends a command quietly, whatever it was to say", async () => {
  const pipe = openPipe(scope);
  const commands = [["watch"], ["events", "--follow"], ["config", "watch"], ["services"], ["--help"], ["--version"]];
  const ended = commands.map((args) => startInto(pipe.writer, ...args).exited);
  closeSync(pipe.reader);
  let n = 0;
  const gone = Promise.all(ended).then((all) => [all]);
  const all = await until(async () => {
    await rollcall.config.put("gone", String(n++));
    return Promise.race([gone, new Promise<undefined>((resolve) => setTimeout(resolve, 20, undefined))]);
  });
  assert.deepEqual(all, [commands.map(() => [0, null])]);
});

test("output that cannot be written is a failure with a sentence", () => {
  const full = openSync("/dev/full", constants.O_WRONLY);
  for (const args of [["services"], ["--help"], ["version"]]) {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
      env: cleanEnvironment({ ROLLCALL_URL: server.url }),
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^rollcall: the output cannot be written: ENOSPC.*\n$/);
  }
  closeSync(full);
});

test("register --keep holds on although nobody reads what it says", async () => {
  const pipe = openPipe(scope);
  closeSync(pipe.reader);
  const { child, exited } = startInto(pipe.writer, "register", "unread", "u-1", "--ttl", "1s", "--keep");
  const lease = await until(async () => (await rollcall.instance("unread", "u-1"))?.lease);
  await until(async () => (await rollcall.leases.get(lease)).beats >= 3, { what: "three heartbeats" });
  child.kill("SIGHUP");
  assert.deepEqual(await exited, [0, null]);
  assert.equal(await rollcall.instance("unread", "u-1"), null);
});

test("what a reader does not take is not kept for it without end", async () => {
  const pipe = openPipe(scope);
  const { child, exited } = startInto(pipe.writer, "watch", "-o", "json");
  const memory = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]);
  await until(async () => {
    await rollcall.config.put("big", "small");
    return readPipe(pipe) !== "";
  });
  const beforeKb = memory();
  const value = "x".repeat(500_000);
  for (let i = 0; i < 100; i++) await rollcall.config.put("big", value);
  await rollcall.config.delete("big");
  assert.ok(memory() - beforeKb < 40_000, `${beforeKb} -> ${memory()} kB`);
  child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
});
