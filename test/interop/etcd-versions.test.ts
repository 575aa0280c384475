/**
 * A registry in etcd 3.5 and 3.6, which are built from `go/etcd-3.5` and `go/etcd-3.6`: the tests of 3.4, which Debian has,
 * against them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { ROOT } from "../harness/root.ts";
import { buildModule } from "./go-rig.ts";
import { startShown } from "./programs-rig.ts";

/** All that a client and a log need of it; and what is the same in all once these are. */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  "3.5": ["client", "program"],
  "3.6": ["client", "program", "replicator"],
};

const go = requirePackage("golang-go", "go");

for (const [version, names] of Object.entries(TESTS)) {
  const etcd = await buildModule(`etcd-${version}`, go);
  test(`a registry lies in etcd ${version}`, { skip: etcd.skip }, async (t) => {
    const told = startShown(t, `etcd ${version}`, etcd.path, ["--version"]);
    await told.exited;
    assert.match(told.lines.join("\n"), new RegExp(`etcd Version: ${version.replace(".", "\\.")}\\.`));
    const files = names.map((name) => `test/etcd/${name}.test.ts`);
    const options = { env: { ROLLCALL_ETCD: etcd.path }, cwd: ROOT };
    const tests = startShown(t, files.join(" "), process.execPath, ["scripts/test.mjs", ...files], options);
    const { code, signal } = await tests.exited;
    assert.equal(code ?? signal, 0);
  });
}
