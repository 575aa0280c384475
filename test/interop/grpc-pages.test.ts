/** The clients that docs/grpc.md shows in Go, Java and Python, and its lines of grpcurl, over TLS and with a token. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startGrpc } from "../grpc/rig.ts";
import type { Program } from "../harness/process.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { commandsOf, openShell } from "../harness/shell.ts";
import { createAuthority } from "../net/authority-rig.ts";
import { buildGo, buildGrpcurl, buildJava, buildPython, PAGE, type PageProgram } from "./grpc-pages-rig.ts";
import { waitForLine } from "./programs-rig.ts";

const programs: readonly (readonly [language: string, program: PageProgram])[] = [
  ["go", await buildGo()],
  ["java", await buildJava()],
  ["python", await buildPython()],
];
const grpcurl = await buildGrpcurl();

const folder = temporaryDirectory({ after }, "grpc-pages");
const authority = createAuthority(folder, "authority");
const token = "a token of the shop";
const sha256 = createHash("sha256").update(token).digest("hex");
const registry = await startGrpc(
  { after },
  {
    config: {
      tls: authority.sign("server", "registry"),
      accounts: { shop: { tokens: [{ name: "orders", role: "writer", sha256 }] } },
    },
  },
);
const env = {
  ROLLCALL_GRPC: `127.0.0.1:${registry.port("grpc")}`,
  ROLLCALL_CA: authority.ca,
  ROLLCALL_TOKEN: token,
};
const ca = readFileSync(authority.ca);

/** By the native API. */
async function ask(method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${token}` };
  const url = `${registry.url}/v2/shop${path}`;
  return request(url, { method, headers, connection: { ca }, ...(body === undefined ? {} : { body }) });
}

async function explain(id: string) {
  return (await ask("GET", `/services/orders/instances/${id}/explain`)).json();
}

async function stock(method: string, id: string): Promise<void> {
  const body = method === "PUT" ? { address: "10.0.0.9", port: 80, ttl: 0 } : undefined;
  assert.ok((await ask(method, `/services/stock/instances/${id}`, body)).status < 300);
}

/** What a start says before the program stays. */
async function begin(program: Program): Promise<number> {
  const [, starts] = await waitForLine(program, /^starts: (\d+)$/);
  await waitForLine(program, /^no limit: (NotFound|NOT_FOUND): there is no such key \[NOT_FOUND of rollcall\.dev\]$/);
  return Number(starts);
}

for (const [nth, [language, { skip, start }]] of programs.entries())
  test(`the page's client in ${language} stays registered and hears all, over a kill of the registry`, {
    skip,
    timeout: 120_000,
  }, async (t) => {
    const id = `orders-${language}`;
    const program = start(t, env);
    assert.ok((await begin(program)) <= nth + 1);
    await waitForLine(program, /^stock within a second: (DeadlineExceeded|DEADLINE_EXCEEDED)$/);
    await until(async () => (await explain(id)).present, { what: "the registration" });
    await stock("PUT", "a");
    await waitForLine(program, /^stock (a registered: passing|has a at 10\.0\.0\.9:80)$/);
    await registry.restart();
    await stock("DELETE", "a");
    await stock("PUT", "b");
    await waitForLine(program, /^stock a deregistered: $/);
    await waitForLine(program, /^stock b registered: passing$/);
    await until(async () => (await explain(id)).keptAliveBy.beats >= 2, { what: "beats of the open stream" });
    await program.kill("SIGTERM");
    await stock("DELETE", "b");
    const { present, gone } = await explain(id);
    assert.deepEqual([present, gone.reason], [false, "deregistered by request"]);
  });

test("they count without losing one, go on with a registry begun anew, and are gone when they are killed", {
  skip: programs.every(([, { skip }]) => skip !== false) && "none of them could be built",
  timeout: 120_000,
}, async (t) => {
  const able = programs.filter(([, { skip }]) => skip === false);
  const started = able.map(([language, { start }]) => ({ id: `orders-${language}`, program: start(t, env) }));
  const counts = await Promise.all(started.map(({ program }) => begin(program)));
  const first = able.length + 1;
  assert.deepEqual(
    counts.sort((a, b) => a - b),
    able.map((_, nth) => first + nth),
  );
  await until(async () => (await Promise.all(started.map(({ id }) => explain(id)))).every(({ present }) => present));
  await stock("PUT", "c");
  for (const { program } of started) await waitForLine(program, /^stock (c registered: passing|has c at .*)$/);
  await registry.kill("SIGKILL");
  rmSync(registry.data, { recursive: true });
  await registry.restart();
  await stock("PUT", "d");
  for (const { program } of started) await waitForLine(program, /^stock (d registered: passing|has d at .*)$/);
  await until(async () => (await Promise.all(started.map(({ id }) => explain(id)))).every(({ present }) => present));
  for (const { program } of started) await program.kill("SIGKILL");
  for (const { id } of started) {
    await until(async () => !(await explain(id)).present, { what: `${id} to expire` });
    assert.equal((await explain(id)).gone.cause, "expired");
  }
  await stock("DELETE", "d");
});

/** What each block shows, by the page and by the dialect's README. */
const SHOWN: readonly (readonly RegExp[])[] = [
  [/^rollcall\.v1\.Catalog$/m, /rpc Watch \( \.rollcall\.v1\.WatchRequest \) returns \( stream \.rollcall/],
  [/"created": true/, /"address": "10\.0\.0\.9"/, /"ready": true/, /"code": 5/, /"reason": "NOT_FOUND"/],
  [/"version": "1"/, /"value": "NQ=="/, /"deleted": "1"/],
  [/"status": "SERVING"/],
];
const README_SHOWN = [/"created": true/, /"position": "\d+~/, /"ready": true/, /"keptAliveBy"/];

test("the lines for grpcurl show what they should", { skip: grpcurl.skip, timeout: 60_000 }, async (t) => {
  const path = temporaryDirectory(t, "grpcurl");
  symlinkSync(grpcurl.path, join(path, "grpcurl"));
  const shell = openShell(t, { ...env, PATH: `${path}:${process.env.PATH}` });
  const blocks = commandsOf(PAGE, "From the shell");
  assert.equal(blocks.length, SHOWN.length, "the page has other blocks than this test knows");
  for (const [nth, block] of blocks.entries()) {
    const output = await shell.run(block, 60_000);
    for (const shown of SHOWN[nth] ?? []) assert.match(output, shown, `${block}printed\n${output}`);
  }
  // The README's, for a registry without TLS; at a prompt an alias is one, and a watch is left by Ctrl-C.
  const plain = await startGrpc(t);
  const [example = ""] = commandsOf("packages/registry/src/dialects/grpc/README.md", "Example");
  const lines = example
    .replaceAll("127.0.0.1:7071", `127.0.0.1:${plain.port("grpc")}`)
    .replace(`call -d '{"services"`, `call -max-time 1 -d '{"services"`);
  const output = await shell.run(`unset -f call\nshopt -s expand_aliases\n${lines}`, 60_000);
  for (const shown of README_SHOWN) assert.match(output, shown, output);
});
