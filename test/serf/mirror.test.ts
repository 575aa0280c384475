/** Real agents, mirrored by one of them: they are instances, one is killed, one leaves, one is parted from the others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HIDDEN, hide } from "../faults/ground/namespaces.ts";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { madeOf, ROOT } from "../harness/root.ts";
import { serf } from "./rig.ts";

test("a real cluster is mirrored, through failures, leaving and a partition", { skip: serf.skip }, async (t) => {
  const prefix = hide();
  t.diagnostic(prefix.length > 0 ? "agents in network namespaces" : "no network namespaces here: an agent is stopped");
  const [command = "", ...args] = [...prefix, process.execPath, madeOf("test/serf/cluster.ts")];
  const env = prefix.length > 0 ? { [HIDDEN]: "yes" } : {};
  const cluster = startProcess(t, command, args, { env: cleanEnvironment(env), cwd: ROOT });
  const { code } = await cluster.exited;
  assert.equal(code, 0, `${cluster.lines.join("\n")}\n${cluster.stderr()}`);
});
