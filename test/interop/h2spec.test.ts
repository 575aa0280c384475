/** HTTP/2 of our own, as h2spec asks for it: `go/h2spec`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import { buildModule } from "./go-rig.ts";

const h2spec = await buildModule("h2spec", requirePackage("golang-go", "go"));

/** What it asks for in another way than a server of gRPC beside HTTP/1.1 has it. */
const OTHERWISE: readonly string[] = [
  // It waits for data; its request is no call, and is answered by fields alone.
  "Sends a WINDOW_UPDATE frame on half-closed (remote) stream",
  "Sends a PRIORITY frame on half-closed (remote) stream",
  // The answer may be out before that frame comes, which is passed over then.
  "Sends a second HEADERS frame without the END_STREAM flag",
  // HTTP/1.1 on the same port answers that before it ends the connection.
  "Sends invalid connection preface",
  // It opens 20 000 streams; such requests are answered at once, and are not open at the same time.
  "Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
];

test("h2spec has nothing to say against it", { skip: h2spec.skip, timeout: 120_000 }, async (t) => {
  const rollcall = await startRollcall(t, { dialects: "etcd" });
  const report = join(temporaryDirectory(t, "h2spec"), "report.xml");
  const asked = h2spec.start(t, [String(rollcall.port("etcd")), "/etcdserverpb.KV/Range", report]);
  assert.equal((await asked.exited).code, 0);
  const cases = readFileSync(report, "utf8").split("<testcase ").slice(1);
  const failed = cases.filter((one) => /<(failure|error)/.test(one)).map((one) => /classname="([^"]*)"/.exec(one)?.[1]);
  assert.ok(cases.length > 140, `${cases.length} cases`);
  assert.deepEqual(
    failed.filter((name = "") => !OTHERWISE.includes(name)),
    [],
  );
});
