/** Start and stop of the whole program. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VERSION } from "../packages/registry/src/bin/version.ts";
import { ROOT, request, startRollcall, temporaryDirectory, until } from "./harness.ts";

test("after SIGTERM readiness is off while requests are still answered; the exit code is 0", async (t) => {
  const rollcall = await startRollcall(t);
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
  const rollcall = await startRollcall(t);
  process.kill(rollcall.pid, "SIGINT");
  process.kill(rollcall.pid, "SIGINT");
  assert.deepEqual(await rollcall.exited, { code: 0, signal: null });
});

test("accounts in the file without any token are refused at start: nobody could use them", async (t) => {
  const file = join(temporaryDirectory(t), "rollcall.yaml");
  writeFileSync(file, "accounts:\n  acme: {}\n");
  await assert.rejects(startRollcall(t, { flags: ["--config", file] }), /has accounts but no token/);
});

test("the version is that of the package", () => {
  const text = readFileSync(join(ROOT, "packages/registry/package.json"), "utf8");
  assert.equal(VERSION, (JSON.parse(text) as { version: string }).version);
});
