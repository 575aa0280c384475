/** hera's own configuration file starts a node: its README's example of two nodes, on one machine and in one directory. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { loadServeConfig, type Sources } from "../../packages/registry/src/bin/config/load.ts";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment, Program } from "../harness/process.ts";
import { PROGRAM } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";

async function start(scope: Scope, cwd: string, ...flags: readonly string[]): Promise<Program> {
  const args = [PROGRAM, "serve", "--dialects", "http,hera", "--log-format", "json", ...flags];
  const program = new Program(process.execPath, args, { env: cleanEnvironment({}), cwd });
  scope.after(async () => void (await program.kill("SIGKILL")));
  await until(() => program.gone !== undefined || program.logs.some(({ event }) => event === "ready"));
  assert.equal(program.gone, undefined, program.stderr());
  return program;
}

test("two nodes of one file copy each other", async (t) => {
  const cwd = temporaryDirectory(t, "hera-file");
  const [one, two] = [await freePort(), await freePort()];
  const nodes = [one, two].map((port, at) => `  test-${at + 1}:\n    host: localhost\n    port: ${port}\n`);
  writeFileSync(
    join(cwd, "hera.yml"),
    `name: test-1\nport: ${one}\ncluster:\n${nodes.join("")}liveness: 300\ngossip-interval: 1\n`,
  );
  // The native API's own port is taken: a node of hera's knows one port alone.
  const taken = createServer();
  await new Promise<void>((resolve) => {
    taken.once("error", () => resolve());
    taken.listen(7070, "127.0.0.1", resolve);
  });
  t.after(() => void taken.close());
  await start(t, cwd, "--hera", "hera.yml");
  await start(t, cwd, "--hera", "hera.yml", "--name", "test-2", "--hera-port", String(two));
  const url = (port: number, path: string) => `http://127.0.0.1:${port}${path}`;
  await request(url(one, "/storage/a"), { method: "PUT", body: '{"host":"10.1.1.1"}' });
  await request(url(two, "/storage/b"), { method: "PUT", body: '{"host":"10.1.1.2"}' });
  for (const port of [one, two])
    await until(async () => {
      const { a, b } = (await request(url(port, "/storage"))).json();
      return a?.host === "10.1.1.1" && b?.host === "10.1.1.2";
    });
  for (const name of ["test-1", "test-2"]) assert.ok(existsSync(join(cwd, "data", name)), name);
});

test("what is said elsewhere goes before the file, and its mistakes are named", (t) => {
  const cwd = temporaryDirectory(t, "hera-file");
  const load = (text: string | undefined, sources: Partial<Sources> = {}) => {
    if (text !== undefined) writeFileSync(join(cwd, "h.yml"), text);
    return loadServeConfig({ flags: { hera: "h.yml" }, env: {}, cwd, ...sources });
  };
  const missing = load(undefined);
  assert.ok(!missing.ok && /h\.yml: there is no such file/.test(missing.problems.join()));
  const loaded = load("name: n\nport: 5\nliveness: 9\ncluster: {n: {host: h, port: 5}}\n");
  assert.ok(loaded.ok);
  const { name, ports, data, dialectSettings, portsNamed } = loaded.value;
  assert.deepEqual([name, ports.hera, data], ["n", 5, join(cwd, "data/n")]);
  assert.deepEqual(dialectSettings.hera, { liveness: 9, cluster: { n: { host: "h", port: 5 } } });
  assert.ok(portsNamed.has("hera"));
  const beaten = load(undefined, {
    flags: { hera: "h.yml", "hera-port": "6", data: "d" },
    env: { ROLLCALL_NAME: "m" },
    settings: { dialectSettings: { hera: { liveness: 7 } } },
  });
  assert.ok(beaten.ok);
  assert.deepEqual([beaten.value.name, beaten.value.ports.hera, beaten.value.data], ["m", 6, join(cwd, "d")]);
  assert.equal(beaten.value.dialectSettings.hera?.liveness, 7);
  for (const [text, reason] of [
    ["- 1", /must be a map/],
    ["name: n\nlifeness: 3", /lifeness: hera knows name, port, liveness, gossip-interval, cluster/],
    ["name: 5", /name must be text/],
    ["port: x", /ports\.hera must be a port/],
    ["a: [", /line 1/],
  ] as const) {
    const wrong = load(text);
    assert.ok(!wrong.ok, text);
    assert.match(wrong.problems.join("; "), reason);
  }
});
