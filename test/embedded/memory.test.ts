/** What the embedded store holds in memory. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { openStoreRig, register } from "./rig.ts";

const STORE = "rollcall.mdb";

test("what a start has read of the log is let go once it is replaced", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  await rig.done(register("api", "a"));
  const copy = join(temporaryDirectory(t), "data");
  mkdirSync(copy);
  copyFileSync(join(data, STORE), join(copy, STORE));
  const again = await openStoreRig(t, copy, { historyCommitsMax: 1 });
  const read = new WeakRef(again.core.registry.read((view) => view.instance("default", "api", "a")) as object);
  for (const zone of ["z2", "z3", "z4"]) await again.done(register("api", "a", { zone }));
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const isGone = (): boolean => {
    collect();
    return read.deref() === undefined;
  };
  await until(isGone, { what: "the first record to be gone" });
});
