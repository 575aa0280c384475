/** backup and restore from the command line, with a registry that writes meanwhile; and a store that must not be touched. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { cannotMount, mountSmall } from "../embedded/mount.ts";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { PROGRAM, type Rollcall, startRollcall } from "../harness/program.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { commandLine, run } from "./rig.ts";

const scope = { after };
const server = await startRollcall(scope);
const { cli, json } = commandLine(server.url);
const rollcall = createClient({ url: server.url });

test("a backup taken under load restores to a registry that has all of it", async () => {
  const directory = temporaryDirectory(scope);
  const file = join(directory, "rollcall.backup");
  for (let i = 0; i < 50; i++) await rollcall.config.put(`before/${i}`, `value ${i}`);
  let writing = true;
  const load = (async () => {
    for (let i = 0; writing; i++) await rollcall.config.put(`during/${i}`, "x".repeat(1000));
  })();
  const said = await cli(["backup", file]);
  writing = false;
  await load;
  assert.match(said.stdout, /^saved [\d.]+ KiB to /);
  assert.equal(said.stderr, "", "no progress where nobody looks");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(directory), ["rollcall.backup"]);

  const data = join(directory, "restored");
  assert.match(
    (await run(["restore", file, "--data", data])).stdout,
    /^restored [\d.]+ KiB to .*: revision \d+, saved /,
  );
  const restored = await startRollcall(scope, { data });
  const { keys } = await createClient({ url: restored.url }).config.list({ prefix: "before/" });
  assert.equal(keys.length, 50);
  assert.deepEqual(keys.map((one) => one.value).sort(), Array.from({ length: 50 }, (_, i) => `value ${i}`).sort());
});

test("neither command replaces anything without being told to", async () => {
  const directory = temporaryDirectory(scope);
  const file = join(directory, "b");
  writeFileSync(file, "precious");
  assert.match((await cli(["backup", file], 2)).stderr, /is there already\nReplace it with --force\./);
  assert.equal(readFileSync(file, "utf8"), "precious");
  const body = await json<{ file: string; bytes: number }>(["backup", file, "--force"]);
  assert.equal(body.bytes, statSync(file).size);

  const data = join(directory, "data");
  mkdirSync(data);
  writeFileSync(join(data, "precious"), "");
  const refused = await run(["restore", file, "--data", data]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /not empty; with --force it is moved aside/);
  assert.deepEqual(readdirSync(data), ["precious"]);
});

test("a damaged, cut or foreign backup is exit code 5 and leaves nothing behind", async () => {
  const directory = temporaryDirectory(scope);
  const file = join(directory, "good");
  await cli(["backup", file]);
  const bytes = readFileSync(file);
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(9000) ^ 1, 9000);
  const broken = {
    flipped,
    cut: bytes.subarray(0, bytes.length - 100),
    foreign: Buffer.from("hello"),
    empty: Buffer.alloc(0),
  };
  for (const [name, content] of Object.entries(broken)) {
    writeFileSync(join(directory, name), content);
    const { code, stderr } = await run(["restore", join(directory, name), "--data", join(directory, `${name}-data`)]);
    assert.equal(code, 5, `${name}: ${stderr}`);
    assert.match(stderr, /^rollcall: [^\n]+\n$/);
    assert.equal(existsSync(join(directory, `${name}-data`)), false, name);
  }
  const missing = await run(["restore", join(directory, "nowhere"), "--data", join(directory, "x")]);
  assert.notEqual(missing.code, 0);
  assert.match(missing.stderr, /nowhere/);
});

test("a data directory in use is exit code 5 for serve, and its registry goes on", async () => {
  const { code, stderr } = await run(["serve", "--data", server.data, "--http-port", "0"]);
  assert.equal(code, 5);
  assert.match(stderr, /in use by process/);
  await rollcall.config.put("still", "alive");
});

/** Connects for a backup, and reads no more than its first bytes. */
async function beginBackup(registry: Rollcall): Promise<Socket> {
  const socket = connect(registry.port(), "127.0.0.1");
  socket.write("GET /v2/_/backup HTTP/1.1\r\nHost: x\r\n\r\n");
  const [first] = await once(socket, "data");
  socket.pause();
  assert.match(String(first), /^HTTP\/1\.1 200 /);
  return socket;
}

async function fill(registry: Rollcall, megabytes: number): Promise<void> {
  const client = createClient({ url: registry.url });
  for (let i = 0; i < megabytes * 4; i++) await client.config.put(`fill/${i}`, "v".repeat(256 * 1024));
}

test("a registry that is killed while it sends a backup leaves no copy anywhere, and needs no temporary directory", async (t) => {
  const temporary = temporaryDirectory(t);
  const registry = await startRollcall(t, { env: { TMPDIR: temporary } });
  await fill(registry, 16);
  const before = readdirSync(registry.data).filter((name) => !name.startsWith("owner."));
  const socket = await beginBackup(registry);
  t.after(() => void socket.destroy());
  await registry.kill("SIGKILL");
  assert.deepEqual(
    readdirSync(registry.data).filter((name) => !name.startsWith("owner.")),
    before,
  );
  assert.deepEqual(readdirSync(temporary), []);
  await registry.restart({ env: { TMPDIR: join(temporary, "nowhere") } });
  const file = join(temporary, "b");
  await commandLine(registry.url).cli(["backup", file]);
  assert.ok(statSync(file).size > 16_000_000);
});

test("a backup for which the disk has no room is refused with the reason, and writes go on", {
  skip: cannotMount,
}, async (t) => {
  const disk = mountSmall(t, "40m");
  const registry = await startRollcall(t, { data: join(disk.path, "data") });
  await fill(registry, 12);
  const said = await commandLine(registry.url).cli(["backup", join(temporaryDirectory(t), "b")], 1);
  assert.match(said.stderr, /^rollcall: the disk is too full for a backup: it needs \d+ bytes .*\n$/);
  assert.equal((await fetch(`${registry.url}/v2/_/backup`)).status, 503);
  assert.deepEqual(
    readdirSync(registry.data).filter((name) => name.startsWith("backup")),
    [],
  );
  await createClient({ url: registry.url }).config.put("after", "1");
  assert.equal((await fetch(`${registry.url}/readyz`)).status, 200);
});

test("a place that cannot be written is said in a sentence, and nothing is left there", async (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, "good");
  await cli(["backup", file]);
  mkdirSync(join(directory, "folder"));
  for (const [flags, path, why] of [
    [[], join(directory, "nowhere/b"), "there is no such file or directory (ENOENT)"],
    [[], join(file, "b"), "a part of the path is not a directory (ENOTDIR)"],
    [["--force"], join(directory, "folder"), "it is a directory (EISDIR)"],
  ] as const) {
    const said = await cli(["backup", ...flags, path], 1);
    assert.equal(said.stderr, `rollcall: cannot save the backup to ${path}: ${why}\n`);
  }
  for (const [path, why] of [
    [file, "a part of the path is not a directory (ENOTDIR)"],
    [join(file, "data"), "a part of the path is not a directory (ENOTDIR)"],
    ["/proc/none", "there is no such file or directory (ENOENT)"],
  ] as const) {
    const { code, stderr } = await run(["restore", file, "--data", path]);
    assert.deepEqual([code, stderr], [5, `rollcall: cannot restore into ${path}: ${why}\n`]);
  }
  assert.deepEqual(readdirSync(directory).sort(), ["folder", "good"]);
});

test("on a disk that fills up, backup and restore say so; what was begun can be done again with room", {
  skip: cannotMount,
}, async (t) => {
  const registry = await startRollcall(t);
  await fill(registry, 2);
  const there = commandLine(registry.url);
  const disk = mountSmall(t, "1m");
  const full = await there.cli(["backup", join(disk.path, "b")], 1);
  assert.match(full.stderr, /^rollcall: cannot save the backup to .*: the disk is full \(ENOSPC\)\n$/);
  assert.deepEqual(readdirSync(disk.path), []);
  const file = join(temporaryDirectory(t), "b");
  await there.cli(["backup", file]);
  const data = join(disk.path, "data");
  for (const size of ["1m", "3m"]) {
    disk.remount(`size=${size}`);
    const { code, stderr } = await run(["restore", file, "--data", data]);
    assert.equal(code, 5);
    assert.match(stderr, /^rollcall: cannot restore into .*: the disk is full \(ENOSPC\)[^\n]*\n$/);
  }
  disk.remount("size=64m");
  assert.equal((await run(["restore", file, "--data", data])).code, 0);
  disk.remount("ro");
  const { code, stderr } = await run(["restore", file, "--data", data, "--force"]);
  assert.equal(code, 5);
  assert.match(stderr, /the file system is read-only \(EROFS\)\n$/);
});

/** Gives the first bytes of each answer of the registry, and then no more. */
async function openHesitant(t: Scope, registry: Rollcall): Promise<{ url: string; cut(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(registry.port(), "127.0.0.1");
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => {}));
    client.pipe(upstream);
    upstream.once("data", (first) => {
      client.write(first);
      upstream.pause();
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cut };
}

test("a backup that breaks off, by the registry or by Ctrl-C, saves nothing and says so", async (t) => {
  const registry = await startRollcall(t);
  await fill(registry, 2);
  const hesitant = await openHesitant(t, registry);
  const directory = temporaryDirectory(t);
  for (const [end, why] of [
    ["registry", /^rollcall: the backup broke off after \d+ of \d+ bytes: nothing was saved\n$/],
    ["person", /^rollcall: interrupted: nothing was saved\n$/],
  ] as const) {
    const args = [PROGRAM, "backup", join(directory, "b"), "--url", hesitant.url];
    const program = startProcess(t, process.execPath, args, { env: cleanEnvironment() });
    await until(() => existsSync(join(directory, "b.part")));
    if (end === "registry") hesitant.cut();
    else program.child.kill("SIGINT");
    assert.equal((await program.exited).code, 1);
    assert.match(program.stderr(), why);
    assert.deepEqual(readdirSync(directory), []);
  }
});
