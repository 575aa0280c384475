/** The whole program on directories that are not right: a sentence, a failed start, and nothing touched. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory } from "../harness/scope.ts";

test("a directory of something else ends the start with a sentence", async (t) => {
  const data = temporaryDirectory(t);
  writeFileSync(join(data, "thesis.txt"), "precious");
  await assert.rejects(startRollcall(t, { data }), /not a Rollcall data directory: it holds "thesis\.txt"/);
  assert.deepEqual(readdirSync(data), ["thesis.txt"]);
});

test("a damaged store ends the start with a sentence that says how to go on", async (t) => {
  const data = join(temporaryDirectory(t), "data");
  const registry = await startRollcall(t, { data });
  for (let i = 0; i < 20; i++) {
    const response = await fetch(`${registry.url}/v2/default/config/k${i}`, { method: "PUT", body: "v".repeat(500) });
    assert.ok(response.ok);
  }
  await registry.kill("SIGKILL");
  const file = join(data, "rollcall.mdb");
  const bytes = readFileSync(file);
  // The contents of every leaf; the two head pages stay as they are.
  for (let at = 2 * 4096; at < bytes.length; at += 4096) if (bytes[at + 18] === 2) bytes.fill(0xa5, at + 24, at + 4096);
  writeFileSync(file, bytes);
  await assert.rejects(startRollcall(t, { data }), /is damaged: .*Nothing was changed.*rollcall restore .* --force/);
  assert.deepEqual(readFileSync(file), bytes);
});

test("two registries on one directory: the second names the first and ends, the first goes on", async (t) => {
  const first = await startRollcall(t);
  await assert.rejects(startRollcall(t, { data: first.data }), new RegExp(`in use by process ${first.pid}\\b`));
  assert.equal((await fetch(`${first.url}/healthz`)).status, 200);
  const put = await fetch(`${first.url}/v2/default/config/k`, { method: "PUT", body: "1" });
  assert.ok(put.ok);
});

test("a clean stop is marked, so that the next start need not look at every page", async (t) => {
  const registry = await startRollcall(t);
  assert.equal((await registry.stop()).code, 0);
  assert.ok(readdirSync(registry.data).includes("clean.json"));
  await registry.restart();
  assert.equal(readdirSync(registry.data).includes("clean.json"), false);
  assert.ok(!registry.logs.some(({ msg }) => String(msg).includes("every page")));
  await registry.kill("SIGKILL");
  await registry.restart();
  assert.ok(registry.logs.some(({ msg }) => String(msg).includes("every page")));
});
