/** How a registered program lives and ends: by a held connection, and at a signal. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient, type RegisterOptions, type RegistrationState } from "@rollcall/client";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";

const data = temporaryDirectory({ after });
const registry = await startRollcall({ after }, { flags: ["--data", data] });
const rollcall = createClient({ url: registry.url });
const spec = (id: string, ttl = "3s") => ({ service: "alive", id, address: "127.0.0.1", port: 80, ttl });

async function register(id: string, options: RegisterOptions = {}, ttl?: string) {
  const states: RegistrationState[] = [];
  const onState = (state: RegistrationState) => void states.push(state);
  const registration = await rollcall.register(spec(id, ttl), { ...options, onState });
  after(() => registration.close().catch(() => {}));
  return { registration, states };
}

const beatsOf = async (id: string) => (await rollcall.explain("alive", id)).keptAliveBy?.beats ?? 0;

test("a held connection is the sign of life; it is taken up again, and what was forgotten is registered anew", async () => {
  const { registration, states } = await register("held", { alive: "connection" });
  await until(async () => (await rollcall.leases.list()).leases.length > 0);
  // The registry itself renews it, at each third of the ttl.
  await until(async () => (await beatsOf("held")) >= 3, { what: "renewals" });
  assert.equal((await rollcall.instance("alive", "held"))?.status, "passing");
  await registry.kill("SIGKILL");
  await until(() => registration.state === "away");
  await registry.restart();
  await until(() => registration.state === "registered");
  const revision = (await rollcall.instance("alive", "held"))?.createRevision;
  assert.ok(revision);
  // Somebody deregisters it: it comes again.
  await rollcall.deregister("alive", "held");
  await until(async () => ((await rollcall.instance("alive", "held"))?.createRevision ?? 0) > revision, {
    what: "its return",
  });
  await until(() => registration.state === "registered");
  await registration.update({ tags: ["new"] });
  await registration.close();
  assert.equal(await rollcall.instance("alive", "held"), null);
  assert.equal(states.at(-1), "closed");
});

/** A program with a client that runs this, and then says that it is there. */
async function run(body: string) {
  const folder = temporaryDirectory({ after }, "alive");
  mkdirSync(join(folder, "node_modules/@rollcall"), { recursive: true });
  symlinkSync(join(ROOT, "packages/client"), join(folder, "node_modules/@rollcall/client"));
  const code = `import { createClient } from "@rollcall/client";
const rollcall = createClient({ url: "${registry.url}" });
${body}
console.log("there");
`;
  writeFileSync(join(folder, "app.mjs"), code);
  const program = startProcess({ after }, process.execPath, ["app.mjs"], { env: cleanEnvironment(), cwd: folder });
  await until(() => program.lines.includes("there"), { what: program.stderr() });
  return program;
}

/** One that registers with the given options, and stays. */
function start(id: string, options: string, more = "") {
  const spoken = JSON.stringify(spec(id, "30s"));
  return run(`await rollcall.register(${spoken}, ${options});\nsetInterval(() => {}, 1000);\n${more}`);
}

test("at SIGTERM it is shown as draining, goes, and the program ends by the signal", async () => {
  const program = await start("ending", "{ endAt: true, drainMs: 1000 }");
  const ended = program.kill("SIGTERM");
  await until(async () => (await rollcall.instance("alive", "ending"))?.status === "draining", { what: "draining" });
  assert.deepEqual(await ended, { code: null, signal: "SIGTERM" }, program.stderr());
  assert.equal(await rollcall.instance("alive", "ending"), null);
});

test("a program that listens for the signal itself ends as it likes; several registrations all go", async () => {
  const more = `await rollcall.register(${JSON.stringify(spec("second", "30s"))}, { endAt: ["SIGTERM"] });
process.once("SIGTERM", () => setInterval(async () => { if ((await rollcall.service("alive", {})).instances.every(({ id }) => !/first|second/.test(id))) process.exit(7); }, 20));`;
  const program = await start("first", '{ endAt: ["SIGTERM"], alive: "connection" }', more);
  assert.equal((await program.kill("SIGTERM")).code, 7, program.stderr());
});

test("a program that is killed is gone at once where its connection lingers; one that closes is not taken for killed", async () => {
  const seen: string[] = [];
  const stop = new AbortController();
  after(() => stop.abort());
  let goneMs = 0;
  void (async () => {
    for await (const { type, instance } of rollcall.events({ services: ["alive"], signal: stop.signal })) {
      if (instance !== "killed" && instance !== "closed") continue;
      seen.push(`${instance} ${type}`);
      if (type === "instance.expired") goneMs = performance.now();
    }
  })();
  const { registration } = await register("closed", { alive: "connection", lingerMs: 100 }, "30s");
  const program = await start("killed", '{ alive: "connection", lingerMs: 100 }');
  await until(async () => (await beatsOf("killed")) > 0, { what: "its connection" });
  const killedMs = performance.now();
  await program.kill("SIGKILL");
  await until(() => goneMs > 0, { what: "its end" });
  // The goal is 200 ms, on a machine that has nothing else to do; its time to live is 30 s.
  assert.ok(goneMs - killedMs < 2000, `known after ${goneMs - killedMs} ms`);
  await registration.close();
  await until(() => seen.some((line) => line.startsWith("closed") && /deregistered|closed$/.test(line)), {
    what: seen.join(),
  });
  assert.ok(!seen.includes("closed instance.expired"), seen.join());
});

test("neither a registration nor a lock keeps a program alive that has nothing else to do", async () => {
  const body = `await rollcall.register(${JSON.stringify(spec("idle", "30s"))});
await rollcall.locks.acquire("idle", { ttl: "30s" });`;
  const program = await run(body);
  const late = new Promise((resolve) => setTimeout(resolve, 10_000, "it goes on").unref());
  assert.deepEqual(await Promise.race([program.exited, late]), { code: 0, signal: null });
});
