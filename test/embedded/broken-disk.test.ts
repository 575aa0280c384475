/** The whole program on a disk that fills up or fails: what it says, how it ends, and that nothing acknowledged is lost. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { cannotMount, mountSmall } from "./mount.ts";

function put(registry: Rollcall, key: string, bytes: number): Promise<Response> {
  return fetch(`${registry.url}/v2/default/config/${key}`, { method: "PUT", body: "v".repeat(bytes) });
}

async function refusing(registry: Rollcall): Promise<string | undefined> {
  const text = await (await fetch(`${registry.url}/metrics`)).text();
  return /^rollcall_disk_refusing (\d)$/m.exec(text)?.[1];
}

test("on a full disk the registry is not ready and says why, and is ready again with room, without a write", {
  skip: cannotMount,
}, async (t) => {
  const disk = mountSmall(t, "6m");
  const registry = await startRollcall(t, { data: disk.path });
  assert.equal(await refusing(registry), "0");
  let refused = 0;
  for (let i = 0; i < 500 && refused < 3; i++) if (!(await put(registry, `k${i}`, 20_000)).ok) refused++;
  assert.equal(refused, 3, "the disk did not fill");
  await until(async () => (await fetch(`${registry.url}/readyz`)).status === 503);
  const body = (await (await fetch(`${registry.url}/readyz`)).json()) as Record<string, unknown>;
  assert.equal(body.ready, false);
  assert.match(String(body.reason), /^the disk is full/);
  assert.equal(await refusing(registry), "1");
  assert.equal((await fetch(`${registry.url}/healthz`)).status, 200);
  disk.remount("size=64m");
  await until(async () => (await fetch(`${registry.url}/readyz`)).status === 200);
  assert.equal(await refusing(registry), "0");
  assert.ok((await put(registry, "after", 20_000)).ok);
  assert.equal((await registry.stop()).code, 0);
});

test("a disk with room for small writes alone is not ready, and does not say now this, now that", {
  skip: cannotMount,
}, async (t) => {
  const disk = mountSmall(t, "8m");
  const registry = await startRollcall(t, { data: disk.path });
  let isFull = false;
  for (let i = 0; i < 20 && !isFull; i++) isFull = !(await put(registry, `k${i}`, 900_000)).ok;
  assert.ok(isFull, "the disk did not fill");
  assert.ok((await put(registry, "small", 1)).ok);
  const { status } = await fetch(`${registry.url}/readyz`);
  assert.equal(status, 503);
  assert.equal(await refusing(registry), "1");
  disk.remount("size=64m");
  await until(async () => (await fetch(`${registry.url}/readyz`)).status === 200);
  assert.ok((await put(registry, "after", 900_000)).ok);
});

const strace = requirePackage("strace", "strace");

for (const fault of ["pwrite64:error=EIO:when=2", "pwrite64:error=ENOSPC:when=5", "fdatasync:error=EIO:when=3+"])
  test(`a disk that fails (${fault}) ends the process, and nothing acknowledged is lost`, {
    skip: strace.skip,
  }, async (t) => {
    const registry = await startRollcall(t);
    const call = String(fault.split(":")[0]);
    const args = ["-f", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${fault}`, "-p", String(registry.pid)];
    const tracer = spawn(strace.path, args, { stdio: ["ignore", "ignore", "pipe"] });
    t.after(() => tracer.kill());
    const said = String((await once(tracer.stderr, "data"))[0]);
    if (/not permitted/.test(said) && process.env.CI === undefined) return t.skip("this system forbids ptrace");
    assert.match(said, /attached/);
    const acknowledged: string[] = [];
    let ended = false;
    void registry.exited.then(() => {
      ended = true;
    });
    for (let i = 0; i < 300 && !ended; i++) {
      const answer = await put(registry, `k${i}`, 9000).catch(() => undefined);
      if (answer === undefined) break;
      if (answer.ok) acknowledged.push(`k${i}`);
      else assert.match(await answer.text(), /restart Rollcall|stopping/);
    }
    const { code, signal } = await registry.exited;
    // A write that fails between others damages the library's memory, and the C library may notice first.
    if (signal === "SIGABRT") assert.match(registry.stderr(), /corrupt|invalid|malloc|free/);
    else {
      assert.deepEqual([code, signal], [6, null], registry.stderr());
      assert.match(registry.stderr(), /the start verifies the store/);
    }
    await registry.restart();
    for (const key of acknowledged)
      assert.equal((await fetch(`${registry.url}/v2/default/config/${key}`)).status, 200, `${key} is lost`);
  });
