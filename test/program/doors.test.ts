/** Dialects' own ports: on the defaults, taken by others, and named by the user. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { DIALECTS } from "../../packages/registry/src/bin/dialects.ts";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { PROGRAM } from "../harness/program.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";

/** A loopback address of this run alone: others may run the same tests beside it. */
const hostOf = (nth: number): string =>
  `127.${100 + nth}.${Math.floor(process.pid / 250) % 250}.${1 + (process.pid % 250)}`;
const [ALL, TAKEN, NAMED] = [hostOf(1), hostOf(2), hostOf(3)];

/** Starts with default ports on an address of its own, so that no other program is in the way. */
function start(scope: Scope, host: string, ...flags: string[]) {
  const data = join(temporaryDirectory(scope), "data");
  const args = [PROGRAM, "serve", "--data", data, "--host", host, ...flags];
  return startProcess(scope, process.execPath, args, { env: cleanEnvironment() });
}

async function hold(scope: Scope, host: string, port: number): Promise<void> {
  const server = createServer().listen(port, host);
  await once(server, "listening");
  scope.after(() => {
    server.close();
  });
}

/** What is spoken on a port: over both, UDP is opened first. */
function schemesOf(name: string, port: number): readonly string[] {
  if (name === "dns") return ["udp", "tcp"];
  return ["serf", "doozer", "zookeeper"].includes(name) || port === 4160 ? ["tcp"] : ["http"];
}

test("every dialect listens on its protocol's port", async (t) => {
  const program = start(t, ALL);
  await until(() => program.lines.includes("ready"));
  const lines = [
    `http        http://${ALL}:7070`,
    `rackspace   http://${ALL}:7070`,
    ...DIALECTS.flatMap(({ name, ports }) =>
      ports.flatMap(({ port, isOptional }) =>
        (isOptional === true ? [] : schemesOf(name, port)).map(
          (scheme) => `${name.padEnd(11)} ${scheme}://${ALL}:${port}`,
        ),
      ),
    ),
  ];
  assert.deepEqual(program.lines.slice(0, lines.length), lines);
  assert.equal((await program.kill("SIGTERM")).code, 0);
});

test("a dialect whose port is taken is left out with one line", async (t) => {
  await hold(t, TAKEN, 8600);
  await hold(t, TAKEN, 8761);
  const program = start(t, TAKEN);
  await until(() => program.lines.includes("ready"));
  const open = program.lines.map((line) => line.split(" ")[0]);
  const others = DIALECTS.map(({ name }) => name).filter((name) => name !== "dns" && name !== "eureka");
  assert.deepEqual([...new Set(open.slice(0, open.indexOf("data")))], others);
  const told = program.stderr().trimEnd().split("\n");
  assert.equal(told.length, 2, program.stderr());
  assert.match(told[0] ?? "", new RegExp(`warn +${TAKEN}:8600 is taken by another program: going on without dns`));
  assert.match(told[1] ?? "", new RegExp(`warn +${TAKEN}:8761 is taken by another program: going on without eureka`));
  assert.equal((await fetch(`http://${TAKEN}:7070/readyz`)).status, 200);
});

test("a port that was named, or is of a dialect that was, must be had", async (t) => {
  await hold(t, NAMED, 8600);
  for (const flags of [
    ["--dns-port", "8600"],
    ["--dialects", "http,dns"],
  ]) {
    const program = start(t, NAMED, ...flags);
    const { code } = await program.exited;
    assert.equal(code, 1);
    assert.match(
      program.stderr(),
      new RegExp(
        `^rollcall: ${NAMED}:8600 is taken by another program\\n.*choose another port: rollcall serve --http-port \\d+, or --<dialect>-port`,
      ),
    );
  }
});
