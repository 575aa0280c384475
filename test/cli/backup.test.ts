/** backup and restore from the command line, with a registry that writes meanwhile; and a store that must not be touched. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory } from "../harness/scope.ts";
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
