/** What was made of our `.proto` files is what their compiler and its generator make of them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory } from "../harness/scope.ts";

const DIALECTS = join(ROOT, "packages/registry/src/dialects");

/** By their paths below a folder. */
function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .sort();
}

test("a regeneration yields the same", (t) => {
  const place = temporaryDirectory(t, "protos");
  execFileSync(process.execPath, [join(ROOT, "scripts/proto.mjs"), place], { stdio: "pipe" });
  const made = sourcesIn(place);
  const folders = [...new Set(made.filter((path) => path.includes("/generated/")).map(dirname))];
  assert.ok(folders.length >= 2, folders.join(", "));
  const committed = folders.flatMap((folder) => sourcesIn(join(DIALECTS, folder)).map((name) => join(folder, name)));
  const descriptors = folders.map((folder) => join(dirname(folder), "descriptors.ts"));
  assert.deepEqual([...committed, ...descriptors].sort(), made);
  for (const path of made)
    assert.equal(readFileSync(join(DIALECTS, path), "utf8"), readFileSync(join(place, path), "utf8"), path);
});
