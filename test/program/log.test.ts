/** Nothing that happens to stdout and stderr ends the program, stalls it, or keeps it from ending. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { fillPipe, openPipe, readPipe } from "../harness/pipes.ts";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment } from "../harness/process.ts";
import { PROGRAM, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { openTerminal } from "../harness/terminal.ts";

/** Starts the program with this for stdout and stderr, and waits until it is ready. */
async function start(scope: Scope, outs: number | "pipe", flags: readonly string[]) {
  const port = await freePort();
  const data = join(temporaryDirectory(scope), "data");
  const own = ["serve", "--data", data, "--dialects", "http", "--http-port", String(port), "--log-level", "debug"];
  const child = spawn(process.execPath, [PROGRAM, ...own, ...flags], {
    env: cleanEnvironment(),
    stdio: ["ignore", outs, outs],
  });
  const exited = once(child, "exit");
  scope.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await request(`${url}/readyz`)).status === 200, { what: "readiness" });
  return { child, exited, url, port };
}

/** Each gives a line at debug. */
async function sendNonsense(port: number, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const socket = connect(port, "127.0.0.1").end("nonsense\r\n\r\n").resume();
    await once(socket, "close");
  }
}

const OUTPUTS: Record<string, (scope: Scope) => number | "pipe"> = {
  "a pipe that is full and never read"(scope) {
    const pipe = openPipe(scope);
    fillPipe(pipe);
    return pipe.writer;
  },
  "a pipe whose reader is gone"(scope) {
    const pipe = openPipe(scope);
    closeSync(pipe.reader);
    return pipe.writer;
  },
  "a full disk": () => openSync("/dev/full", constants.O_WRONLY),
};

for (const format of ["text", "json"])
  for (const [name, open] of Object.entries(OUTPUTS))
    test(`with ${name} for its output it serves, and stops in order (${format})`, async (t) => {
      const { child, exited, url, port } = await start(t, open(t), ["--log-format", format]);
      await sendNonsense(port, 3);
      assert.equal((await request(`${url}/v2/default/config/k`, { method: "PUT", body: "v" })).status, 201);
      const metrics = (await request(`${url}/metrics`)).text;
      const lost = Number(/^rollcall_log_lines_lost_total (\d+)$/m.exec(metrics)?.[1]);
      if (!name.includes("never read")) assert.ok(lost >= 3, metrics);
      child.kill("SIGTERM");
      assert.deepEqual(await exited, [0, null]);
    });

test("a socket that nobody reads is no different from a pipe", async (t) => {
  const { child, exited, url, port } = await start(t, "pipe", ["--log-format", "json"]);
  // Node reads ahead until its buffer is full; the kernel's follows.
  child.stderr?.pause();
  await sendNonsense(port, 3000);
  assert.equal((await request(`${url}/readyz`)).status, 200);
  child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
});

test("lines wait for a reader that is slow", async (t) => {
  const pipe = openPipe(t);
  fillPipe(pipe);
  const { port } = await start(t, pipe.writer, ["--log-format", "json"]);
  await sendNonsense(port, 3);
  let text = "";
  await until(() => {
    text += readPipe(pipe);
    return text.includes('"event":"ready"') && text.split("request refused").length === 4;
  });
});

test("a terminal that nobody reads is no different from a pipe", async (t) => {
  const { path } = await openTerminal(t);
  const { child, exited, url, port } = await start(t, openSync(path, constants.O_WRONLY | constants.O_NOCTTY), []);
  await sendNonsense(port, 500);
  assert.equal((await request(`${url}/readyz`)).status, 200);
  child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
});

test("a refused start ends although nobody reads why", async (t) => {
  const pipe = openPipe(t);
  fillPipe(pipe);
  const { data } = await startRollcall(t, { flags: ["--dialects", "http"] });
  const child = spawn(process.execPath, [PROGRAM, "serve", "--data", data, "--http-port", "0", "--dialects", "http"], {
    env: cleanEnvironment(),
    stdio: ["ignore", pipe.writer, pipe.writer],
  });
  assert.deepEqual(await once(child, "exit"), [5, null]);
});
