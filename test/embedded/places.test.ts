/** The whole program where the system does not let it work: read-only, without permission, too small, out of descriptors. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { PROGRAM, startRollcall } from "../harness/program.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { cannotMount, mountSmall } from "./mount.ts";

/** A start that must fail: its exit code, and what it says. `through` is a command that runs another. */
async function failedStart(
  t: Scope,
  data: string,
  through: readonly string[] = [],
  dialects = "http",
): Promise<[number | null, string]> {
  const ports = dialects.split(",").flatMap((name) => [`--${name}-port`, "0"]);
  const flags = ["--data", data, "--log-format", "json", "--dialects", dialects, ...ports];
  const command = [...through, process.execPath, PROGRAM, "serve", ...flags];
  const program = startProcess(t, command[0] as string, command.slice(1), { env: cleanEnvironment() });
  await until(() => program.gone !== undefined || program.logs.some((line) => line.event === "ready"), {
    timeoutMs: 30_000,
  });
  assert.ok(program.gone !== undefined, "it started");
  return [program.gone.code, program.stderr()];
}

async function startOnce(t: Scope, data: string): Promise<void> {
  const registry = await startRollcall(t, { data });
  assert.equal((await registry.stop()).code, 0);
}

test("a read-only file system is called so, with and without a store on it", { skip: cannotMount }, async (t) => {
  const disk = mountSmall(t, "64m");
  const data = join(disk.path, "data");
  mkdirSync(join(disk.path, "empty"));
  await startOnce(t, data);
  disk.remount("ro");
  for (const place of [data, join(disk.path, "empty"), join(disk.path, "new/below")])
    assert.deepEqual(await failedStart(t, place), [
      5,
      place === data
        ? `rollcall: cannot take ${data} into use: the file system is read-only (EROFS)\n`
        : `rollcall: cannot use the data directory ${place}: the file system is read-only (EROFS)\n`,
    ]);
  disk.remount("rw");
  await startOnce(t, data);
});

const setpriv = requirePackage("util-linux", "setpriv");

test("a directory that this user may not write is called so", { skip: setpriv.skip }, async (t) => {
  // Root may write everywhere, unless it gives that up.
  const asUser =
    process.getuid?.() === 0
      ? [setpriv.path, "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
      : ([] as readonly string[]);
  const place = temporaryDirectory(t);
  const data = join(place, "data");
  await startOnce(t, data);
  chmodSync(data, 0o500);
  chmodSync(place, 0o500);
  const why = "this user lacks the permission (EACCES)\n";
  assert.deepEqual(await failedStart(t, data, asUser), [5, `rollcall: cannot take ${data} into use: ${why}`]);
  const below = join(place, "other");
  assert.deepEqual(await failedStart(t, below, asUser), [
    5,
    `rollcall: cannot use the data directory ${below}: ${why}`,
  ]);
  chmodSync(place, 0o700);
  chmodSync(data, 0o700);
  for (const name of readdirSync(data)) chmodSync(join(data, name), 0o400);
  assert.deepEqual(await failedStart(t, data, asUser), [5, `rollcall: cannot use the store in ${data}: ${why}`]);
  for (const name of readdirSync(data)) chmodSync(join(data, name), 0o600);
  await startOnce(t, data);
});

for (const size of ["4k", "20k", "200k", "1m"])
  test(`a disk of ${size} is too small to begin on: it is said, and with room the start goes well`, {
    skip: cannotMount,
  }, async (t) => {
    const disk = mountSmall(t, size);
    const data = join(disk.path, "data");
    const [code, said] = await failedStart(t, data);
    assert.equal(code, 5);
    assert.match(said, /^rollcall: [^\n]*the disk is full \(ENOSPC\)[^\n]*\n$/);
    disk.remount("size=64m");
    await startOnce(t, data);
  });

test("a start with fewer descriptors than it takes says that they are too few", async (t) => {
  // So many that it is when ports are opened that there are too few.
  const dialects = "http,dns,skydns,eureka,consul,hera,serf,doozer";
  const registry = await startRollcall(t, { dialects });
  const taken = new Set(readdirSync(`/proc/${registry.pid}/fd`));
  // Descriptors that a parent has left open may have any number.
  let least = 0;
  while (taken.has(String(least))) least++;
  await registry.stop();
  for (const limit of [least - 1, least - 3, least - 5]) {
    const limited = ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh"];
    const [code, said] = await failedStart(t, join(temporaryDirectory(t), "data"), limited, dialects);
    assert.ok(code === 1 || code === 5, `${code}`);
    assert.match(said, /^rollcall: [^\n]*too many files open; raise its limit[^\n]*\(EMFILE\)\n$/);
  }
});

const prlimit = requirePackage("util-linux", "prlimit");

/** One request on a connection that is kept. */
async function ask(agent: Agent, url: string, method: string, path: string, body = ""): Promise<[number, string]> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    request(`${url}${path}`, { agent, method }, resolve).once("error", reject).end(body),
  );
  const said = await text(answer);
  return [answer.statusCode ?? 0, said];
}

test("without descriptors the registry goes on for those that are connected, and recovers", {
  skip: prlimit.skip,
}, async (t) => {
  const registry = await startRollcall(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const put = (key: string) => ask(agent, registry.url, "PUT", `/v2/default/config/${key}`, "v".repeat(1000));
  assert.equal((await put("before"))[0], 201);
  const limit = (soft: string) => execFileSync(prlimit.path, ["--pid", String(registry.pid), `--nofile=${soft}:`]);
  limit("10");
  // A newcomer is turned away, which takes no descriptor.
  const turnedAway: Socket[] = [];
  for (let i = 0; i < 20; i++) turnedAway.push(connect(registry.port(), "127.0.0.1").on("error", () => {}));
  t.after(() => {
    for (const socket of turnedAway) socket.destroy();
  });
  for (let i = 0; i < 50; i++) assert.equal((await put(`without/${i}`))[0], 201);
  // All that the process looks at by itself comes meanwhile; its heap when it was quiet for three looks, 2 s apart.
  const uptime = async (): Promise<number> => {
    const [, metrics] = await ask(agent, registry.url, "GET", "/metrics");
    return Number(/^rollcall_uptime_seconds (\S+)$/m.exec(metrics)?.[1]);
  };
  const limitedAt = await uptime();
  await until(async () => (await uptime()) > limitedAt + 6.5);
  const [status, said] = await ask(agent, registry.url, "GET", "/v2/_/backup");
  assert.equal(status, 503);
  assert.match(said, /no backup can be taken in .*: Too many open files"/);
  assert.deepEqual(
    readdirSync(registry.data).filter((name) => name.startsWith("backup")),
    [],
  );
  limit("1024");
  await until(async () => (await fetch(`${registry.url}/readyz`)).status === 200);
  assert.equal((await fetch(`${registry.url}/v2/default/config/without/49`)).status, 200);
  assert.equal((await ask(agent, registry.url, "GET", "/v2/_/backup"))[0], 200);
  assert.equal((await registry.stop()).code, 0);
});
