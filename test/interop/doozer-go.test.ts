/** The original's command, in Go. It is in no registry: `ROLLCALL_TEST_DOOZER` names it where somebody has built it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startDoozer } from "../doozer/rig.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";

const command = process.env.ROLLCALL_TEST_DOOZER ?? "";
const skip = command === "" && "ROLLCALL_TEST_DOOZER does not name the original's command";

interface Ended {
  readonly out: string;
  readonly error: string;
  readonly code: number | null;
}

test("the original's command writes, reads, lists, follows and finds the cluster", { skip }, async (t) => {
  const rollcall = await startDoozer(t);
  const uri = `doozer:?ca=127.0.0.1:${rollcall.port("doozer")}`;
  const open = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const child = spawn(command, args, { env: { ...process.env, DOOZER_URI: uri, ...env } });
    t.after(() => void child.kill("SIGKILL"));
    return child;
  };
  const run = async (args: readonly string[], input = "", env: NodeJS.ProcessEnv = {}): Promise<Ended> => {
    const child = open(args, env);
    const code = new Promise<number | null>((resolve) => child.once("close", resolve));
    child.stdin.end(input);
    const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { out, error, code: await code };
  };

  const added = await run(["add", "/app/host"], "10.0.0.5");
  assert.deepEqual([added.code, added.error], [0, ""]);
  assert.equal((await run(["get", "/app/host"])).out, "10.0.0.5");
  assert.equal((await run(["stat", "/app/host"])).out, `${added.out.trim()} 8\n`);
  assert.equal((await run(["add", "/app/host"], "again")).code, 2);
  const again = await run(["set", "/app/host", added.out.trim()], "10.0.0.6");
  assert.ok(Number(again.out) > Number(added.out));
  assert.match((await run(["set", "/app/host", added.out.trim()], "stale")).error, /REV_MISMATCH/);
  assert.match((await run(["find", "/"])).out, /^\/app\n\/app\/host\n\/ctl\n/m);

  let told = "";
  const watch = open(["watch", "/app/**"]);
  watch.stdout.on("data", (chunk) => (told += chunk));
  // Nobody can tell when it has begun to wait: so something is written until it tells of it.
  await until(async () => {
    await run(["set", "/app/seen", "-1"], "x");
    return told.includes("/app/seen");
  });
  const native = `${rollcall.url}/v2/default/config/${encodeURIComponent("/app/native")}`;
  await request(native, { method: "PUT", body: "n" });
  await request(native, { method: "DELETE" });
  await until(() => /\/app\/native \d+ set 1\nn\n\/app\/native \d+ del 0/.test(told));

  const boot = { DOOZER_URI: "doozer:?cn=local", DOOZER_BOOT_URI: uri };
  assert.equal((await run(["get", "/app/host"], "", boot)).out, "10.0.0.6");
  assert.equal((await run(["del", "/app/host", "-1"])).code, 0);
  assert.match((await run(["get", "/app"])).error, /ISDIR/);
  assert.equal((await run(["nop"])).code, 0);
});
