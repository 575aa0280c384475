/** What was: directories without keys, over restarts too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { temporaryDirectory } from "../harness/scope.ts";
import { everything, openStoreRig, put } from "./rig.ts";

test("directories are remembered over restarts, within their bound, and keys that come back are new", async (t) => {
  const data = temporaryDirectory(t);
  let rig = await openStoreRig(t, data, { checkpointCommits: 1 });
  const under = (prefix: string) => rig.core.registry.read((view) => view.account("default")?.under(prefix));
  const again = async (): Promise<void> => {
    const before = everything(rig.core);
    await rig.close();
    rig = await openStoreRig(t, data);
    assert.deepEqual(everything(rig.core), before);
  };
  for (let i = 0; i < 12; i++) {
    // More than are remembered, in a few commits: a transaction puts a thousand keys.
    const keys = Array.from({ length: 1000 }, (_, k) => `jobs/${i}-${k}/x`);
    await rig.done({ kind: "when", guards: [], then: keys.map((key) => put(key, "")), otherwise: [] });
    await rig.done({ kind: "delete", from: `jobs/${i}-`, to: `jobs/${i}.` });
  }
  await rig.done(put("a/b", "1"));
  const gone = (await rig.done({ kind: "delete", from: "a/b" })).revision;
  await again();
  assert.deepEqual(under("a/"), { revision: gone, children: gone });
  assert.equal(under("jobs/0-0/")?.revision, under("jobs/no-such/")?.revision);
  const back = (await rig.done(put("a/b", "2"))).revision;
  await rig.done(put("a/c/d", "3"));
  await rig.done({ kind: "delete", from: "jobs/", to: "jobs0" });
  await again();
  assert.equal(under("a/")?.children, back);
});
