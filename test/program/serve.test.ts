/** Start and stop of the whole program. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VERSION } from "../../packages/registry/src/bin/version.ts";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";

test("after SIGTERM readiness is off while requests are still answered; the exit code is 0", async (t) => {
  const rollcall = await startRollcall(t, { dialects: "all" });
  assert.equal((await request(`${rollcall.url}/readyz`)).status, 200);
  process.kill(rollcall.pid, "SIGTERM");
  await until(async () => (await request(`${rollcall.url}/readyz`)).status === 503, {
    what: "readiness to be off",
    timeoutMs: 2000,
  });
  assert.equal((await request(`${rollcall.url}/v2/default/services`)).status, 200);
  assert.deepEqual(await rollcall.exited, { code: 0, signal: null });
});

test("a second signal does not cut the stop short", async (t) => {
  const rollcall = await startRollcall(t, { dialects: "all" });
  process.kill(rollcall.pid, "SIGINT");
  process.kill(rollcall.pid, "SIGINT");
  assert.deepEqual(await rollcall.exited, { code: 0, signal: null });
});

test("a registry that npm started stops with npm", async (t) => {
  const data = join(temporaryDirectory(t), "data");
  const flags = ["--data", data, "--log-format", "json", "--dialects", "http", "--http-port", String(await freePort())];
  // The npm that runs the tests has set variables of its own.
  const env = Object.entries(cleanEnvironment()).filter(([name]) => !name.startsWith("npm_"));
  // To be done before npm is ended: that waits until nothing writes to npm's output any more.
  t.after(() => {
    for (const pid of processesWith(data)) process.kill(pid, "SIGKILL");
  });
  const npm = startProcess(t, "npm", ["start", "--", ...flags], { cwd: ROOT, env: Object.fromEntries(env) });
  await until(() => npm.logs.some(({ event }) => event === "ready"), { timeoutMs: 60_000, what: "npm start" });
  npm.child.kill("SIGTERM");
  await until(() => npm.logs.some(({ msg }) => msg === "stopped"), { what: "the stop" });
  await until(() => processesWith(data).length === 0, { what: "the process to be gone" });
});

/** Processes with this word in their command line. */
function processesWith(word: string): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      const words = /^\d+$/.test(name) ? readFileSync(join("/proc", name, "cmdline"), "utf8").split("\0") : [];
      return words.includes(word) ? [Number(name)] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

test("accounts in the file without any token are refused at start: nobody could use them", async (t) => {
  const file = join(temporaryDirectory(t), "rollcall.yaml");
  writeFileSync(file, "accounts:\n  acme: {}\n");
  await assert.rejects(startRollcall(t, { flags: ["--config", file] }), /has accounts but no token/);
});

test("the version is that of the package", () => {
  const text = readFileSync(join(ROOT, "packages/registry/package.json"), "utf8");
  assert.equal(VERSION, (JSON.parse(text) as { version: string }).version);
});
