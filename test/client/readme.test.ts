/** The client's README, run as it is written: every block of code, and the end that it shows. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";

const registry = await startRollcall({ after });
const rollcall = createClient({ url: registry.url });
const page = readFileSync(join(ROOT, "packages/client/README.md"), "utf8");
const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? "");

/** What the later blocks take from the first, and the reader's own. */
const PREAMBLE = `import { createClient } from "@rollcall/client";
const rollcall = createClient({ url: "http://127.0.0.1:7070" });
async function readEverythingAgain() {}
`;

/** Printed when a block is through: its service is registered, its listener of signals is there. */
const THROUGH = 'console.log("through");\n';

/** Runs code of the page in a process of its own, on a free port, in a folder that knows the client. */
async function run(code: string) {
  const folder = temporaryDirectory({ after }, "readme");
  mkdirSync(join(folder, "node_modules/@rollcall"), { recursive: true });
  symlinkSync(join(ROOT, "packages/client"), join(folder, "node_modules/@rollcall/client"));
  const port = await freePort();
  const text = code
    .replaceAll("http://127.0.0.1:7070", registry.url)
    .replaceAll("8080", String(port))
    .replaceAll("/var/lib/app", folder);
  writeFileSync(join(folder, "app.mjs"), text);
  const program = startProcess({ after }, process.execPath, ["app.mjs"], { env: cleanEnvironment(), cwd: folder });
  return { port, program };
}

test("a service as the README has it is found, ends at SIGTERM, and is found no more", async () => {
  const { program, port } = await run(blocks[0] + THROUGH);
  await until(() => program.lines.includes("through"), { what: "the registration" });
  const shown = await rollcall.instance("api", "api-1");
  assert.ok(shown);
  assert.equal(await (await fetch(`http://${shown.address}:${shown.port}`)).text(), "hello\n");
  assert.equal(shown.port, port);
  assert.deepEqual(await program.kill("SIGTERM"), { code: null, signal: "SIGTERM" }, program.stderr());
  assert.equal(await rollcall.instance("api", "api-1"), null);
});

test("it ends at SIGTERM when the registry is out of reach, too", async () => {
  const { program } = await run(blocks[0] + THROUGH);
  await until(() => program.lines.includes("through"), { what: "the registration" });
  await registry.kill("SIGKILL");
  assert.equal((await program.kill("SIGTERM")).signal, "SIGTERM", program.stderr());
  await registry.restart();
});

test("the README's other blocks run as they are", async () => {
  await rollcall.registerOnce({ service: "db", id: "db-1", address: "127.0.0.1", zone: "east" });
  const { port } = new URL(registry.url);
  await rollcall.registerOnce({ service: "orders", id: "o-1", address: "127.0.0.1", port: Number(port), zone: "east" });
  const others = blocks.slice(1);
  const watching = others.findIndex((block) => block.includes("for await"));
  assert.ok(watching >= 0);
  const { program } = await run(PREAMBLE + others.splice(watching, 1));
  let weight = 0;
  await until(
    async () => {
      await rollcall.registerOnce({ service: "api", id: "watched", address: "127.0.0.1", weight: ++weight });
      return program.lines.join("\n").includes("watched");
    },
    { what: "a change to be printed" },
  );
  const shows = ["instance", "orders.instances", "peers", "[response]", "[limit, session]", "[secret]", "lead", "many"];
  assert.equal(others.length, shows.length, "the page has other blocks than this test knows");
  const runs = others.map(async (block, index) => {
    const shown = await run(`${PREAMBLE}${block}console.log(Object.keys(${shows[index]}).length);process.exit();`);
    assert.equal((await shown.program.exited).code, 0, shown.program.stderr());
    assert.notEqual(shown.program.lines[0], "0");
  });
  await Promise.all(runs);
});
