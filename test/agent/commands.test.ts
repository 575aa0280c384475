/** Commands that run others: under a lock, and with configuration as their environment. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { commandLine } from "../cli/rig.ts";
import { cleanEnvironment } from "../harness/process.ts";
import { PROGRAM, startRollcall } from "../harness/program.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";

const registry = await startRollcall({ after });
const client = createClient({ url: registry.url });
const { cli } = commandLine(registry.url);

function start(scope: Scope, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: cleanEnvironment({ ROLLCALL_URL: registry.url, ...env }),
    cwd: tmpdir(),
    stdio: "ignore",
  });
  // Passed on, so that the command ends as well.
  scope.after(async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  return child;
}

/** What is in a file, by lines; none while it is not there. */
function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

test("a command under a lock ends as it ends, and the lock is free again", async () => {
  const said = await cli(["lock", "jobs", "--", "sh", "-c", "echo $ROLLCALL_LOCK; exit 7"], 7);
  assert.match(said.stdout, /^jobs\//);
  assert.equal(await client.elections.leader("jobs"), null);
  await cli(["lock", "jobs", "--", "no-such-program-here"], 127);
  await cli(["lock", "--wait", "30", "jobs", "--", "true"]);
});

test("two take turns, and the fence grows", async (t) => {
  const path = join(temporaryDirectory(t), "log");
  const script = `echo begin $ROLLCALL_FENCE >> ${path}; sleep 0.3; echo end $ROLLCALL_FENCE >> ${path}`;
  const both = [1, 2].map(() => start(t, ["lock", "turns", "--", "sh", "-c", script]));
  assert.deepEqual(await Promise.all(both.map(async (one) => (await once(one, "exit"))[0])), [0, 0]);
  const lines = linesOf(path).map((line) => line.split(" "));
  assert.deepEqual(
    lines.map(([word]) => word),
    ["begin", "end", "begin", "end"],
  );
  const [first, , second] = lines.map(([, fence]) => Number(fence));
  assert.ok((first as number) < (second as number));
});

test("who waits for a lock gives up in time; who has lost it ends the command", async (t) => {
  const turn = await client.locks.acquire("busy");
  await cli(["lock", "--wait", "1", "busy", "--", "true"], 4);
  await turn.release();

  const child = start(t, ["lock", "--ttl", "5s", "lost", "--", "sleep", "600"]);
  const key = await until(async () => (await client.elections.leader("lost"))?.key);
  await client.leases.end(key.slice("lost/".length));
  const [code] = await once(child, "exit");
  assert.equal(code, 1);
});

test("signals go to the command, which ends as it likes", async (t) => {
  const path = join(temporaryDirectory(t), "log");
  const child = start(t, [
    "lock",
    "told",
    "--",
    "sh",
    "-c",
    `trap 'exit 9' TERM; echo up > ${path}; while :; do sleep 0.1; done`,
  ]);
  await until(() => linesOf(path)[0] === "up");
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  assert.equal(code, 9);
  assert.equal(await client.elections.leader("told"), null);
});

test("configuration is the command's environment", async () => {
  await client.config.put("app/db/max-size", "7");
  await client.config.put("app/2nd", "x y");
  const script = "echo $DB_MAX_SIZE:$_2ND:$HOME";
  const said = await cli(["exec", "app/", "--once", "--", "sh", "-c", script], 0, { env: { HOME: "/h" } });
  assert.equal(said.stdout, "7:x y:/h\n");
  const pure = await cli(["exec", "app/", "--once", "--pure", "--", "sh", "-c", script], 0, { env: { HOME: "/h" } });
  assert.equal(pure.stdout, "7:x y:\n");
  await client.config.put("odd/a-b", "1");
  await client.config.put("odd/a.b", "2");
  const twice = await cli(["exec", "odd/", "--", "true"], 1);
  assert.match(twice.stderr, /two keys below "odd\/" make the variable A_B/);
});

test("a command begins anew when its configuration changes, once for many changes, and never for the same", async (t) => {
  const path = join(temporaryDirectory(t), "log");
  writeFileSync(path, "");
  await client.config.put("live/x", "1");
  const child = start(t, ["exec", "live/", "--", "sh", "-c", `echo $X >> ${path}; exec sleep 600`]);
  await until(() => linesOf(path).at(-1) === "1");
  await client.config.put("live/x", "1");
  for (const value of ["2", "3"]) await client.config.put("live/x", value);
  await until(() => linesOf(path).at(-1) === "3");
  assert.deepEqual(linesOf(path), ["1", "3"]);
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  assert.equal(code, 128 + 15);
});

test("a change may be a signal instead", async (t) => {
  const path = join(temporaryDirectory(t), "log");
  await client.config.put("hup/x", "1");
  const script = `trap 'echo told >> ${path}' HUP; echo up >> ${path}; while :; do sleep 0.1; done`;
  start(t, ["exec", "hup/", "--signal", "SIGHUP", "--", "sh", "-c", script]);
  await until(() => linesOf(path)[0] === "up");
  await client.config.put("hup/x", "2");
  await until(() => linesOf(path).at(-1) === "told");
});
