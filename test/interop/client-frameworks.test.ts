/** The SDK where people use it: packed, its types as tools see them, in Express, Fastify and NestJS. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { commandsOf, openShell } from "../harness/shell.ts";
import { isUninstallable } from "./node-rig.ts";

const FOLDER = join(ROOT, ".cache/frameworks");
const NAMES = [
  "express@5",
  "fastify@5",
  "@nestjs/common@11",
  "@nestjs/core@11",
  "@nestjs/platform-express@11",
  "reflect-metadata@0.2",
  "tsx@4",
  "typescript@5",
  "@types/node@20",
  "@arethetypeswrong/cli@0.18",
];

mkdirSync(FOLDER, { recursive: true });
writeFileSync(join(FOLDER, "package.json"), '{ "name": "shop", "private": true, "type": "module" }');
const pack = ["pack", "--silent", "--pack-destination", FOLDER, "-w", "@rollcall/client"];
const packed = join(FOLDER, execFileSync("npm", pack, { cwd: ROOT, encoding: "utf8", env: cleanEnvironment() }).trim());
const skip =
  (await isUninstallable(FOLDER, [packed, ...NAMES])) && "npm reaches no registry to install the frameworks from";
const options = { skip, timeout: 120_000 };
cpSync(join(ROOT, "examples/frameworks"), FOLDER, { recursive: true });

function run(program: string, ...args: readonly string[]): string {
  const path = join(FOLDER, "node_modules/.bin", program);
  return execFileSync(path, args, { cwd: FOLDER, encoding: "utf8", env: cleanEnvironment() });
}

test("its exports are what every kind of tool understands", options, () => {
  // ESM only, by decision: CommonJS that cannot require it is told so by its own tools.
  run("attw", packed, "--profile", "esm-only");
});

test("the examples' types hold in strict TypeScript", options, () => {
  run("tsc", "-p", "tsconfig.json", "--noEmit");
});

test("three frameworks call each other by name, while one is replaced without a failed call", options, async () => {
  const registry = await startRollcall({ after });
  const rollcall = createClient({ url: registry.url });
  const env = { ...cleanEnvironment(), ROLLCALL_URL: registry.url };
  const start = async (service: string, ...args: readonly string[]) => {
    const program = startProcess({ after }, process.execPath, args, { env, cwd: FOLDER });
    const line = () => program.lines.map((one) => /listens on (\d+)/.exec(one)?.[1]).find(Boolean);
    return { program, url: `http://127.0.0.1:${await until(line, { what: `${service} to listen` })}` };
  };
  const [limits, stock, orders] = await Promise.all([
    start("limits", "--import", "tsx", "nest.ts"),
    start("stock", "fastify.mjs"),
    start("orders", "express.mjs"),
  ]);
  const ask = async () => (await fetch(`${orders.url}/orders/42`)).json();
  assert.deepEqual(await ask(), { order: "42", stock: { item: "42", left: 7, limit: 3 } });
  await rollcall.config.put("shop/limit", "5");
  await until(async () => (await ask()).stock.limit === 5);
  const next = await start("stock", "fastify.mjs");
  await until(async () => (await rollcall.service("stock")).instances.length === 2);
  let asked = 0;
  let isOver = false;
  const asking = (async () => {
    for (; !isOver; asked++) assert.equal((await ask()).stock?.limit, 5);
  })();
  await stock.program.kill("SIGTERM");
  const askedAtEnd = asked;
  await until(() => asked >= askedAtEnd + 20);
  isOver = true;
  await asking;
  for (const { program } of [orders, next, limits]) await program.kill("SIGTERM");
  for (const service of ["orders", "stock", "limits"])
    assert.deepEqual((await rollcall.service(service)).instances, [], `${service} is gone`);
});

// It installs the frameworks once more.
test("the examples' README works as it is pasted", { skip, timeout: 400_000 }, async (t) => {
  const registry = await startRollcall(t);
  const beside = temporaryDirectory(t, "frameworks");
  symlinkSync(ROOT, join(beside, "rollcall"));
  mkdirSync(join(beside, "shop"));
  const shell = openShell(t, { ROLLCALL_URL: registry.url });
  const port = String(await freePort());
  const [start = "", change = ""] = commandsOf("examples/frameworks/README.md").map((block) =>
    block
      .replaceAll("8000", port)
      .replaceAll("http://127.0.0.1:7070", registry.url)
      // It starts the same by way of two more processes, which pass no signal on.
      .replace("npx tsx", "node_modules/.bin/tsx"),
  );
  const wanted = '{"order":"42","stock":{"item":"42","left":7,"limit":3}}';
  const curl = start.indexOf("curl ");
  await shell.run(`cd ${join(beside, "shop")}\n${start.slice(0, curl)}`, 300_000);
  // A person asks when all three are there.
  await until(async () => (await shell.run(start.slice(curl))).includes(wanted), { what: wanted });
  const answer = await shell.run(change);
  await until(async () => answer.includes('"limit":5') || (await shell.run(start.slice(curl))).includes('"limit":5'));
  await shell.run("kill $(jobs -p); wait");
});
