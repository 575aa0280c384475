/** Beside the original, asked the same; and its own command line. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { startZookeeper } from "../zookeeper/rig.ts";
import { converse, meaningsOf, writeConversations } from "../zookeeper/vectors.ts";
import { skipZookeeper, startCli, startOriginal } from "./zookeeper-rig.ts";

/** Names a file that the original's answers are written to, as vectors. */
const RECORD = process.env.ROLLCALL_RECORD_ZOOKEEPER;

test("the original and this one answer alike", { skip: skipZookeeper, timeout: 120_000 }, async (t) => {
  const [original, ours] = await Promise.all([startOriginal(t), startZookeeper(t, { dialects: "zookeeper" })]);
  const theirs = await converse(t, original);
  if (RECORD !== undefined) writeFileSync(RECORD, writeConversations(theirs));
  const own = await converse(t, ours.port("zookeeper"));
  for (const [nth, one] of theirs.entries()) assert.deepEqual(meaningsOf(own[nth] ?? one), meaningsOf(one), one.name);
});

test("zkCli creates, reads, lists, sets and deletes", { skip: skipZookeeper, timeout: 120_000 }, async (t) => {
  const rollcall = await startZookeeper(t);
  const port = rollcall.port("zookeeper");
  const run = async (...args: string[]): Promise<string> => {
    const program = startCli(t, port, args);
    await program.exited;
    return `${program.lines.join("\n")}\n${program.stderr()}`;
  };
  assert.match(await run("create", "/cli", "one"), /Created \/cli/);
  const told = await run("get", "-s", "/cli");
  assert.match(told, /^one$/m);
  assert.match(told, /^dataVersion = 0$/m);
  assert.match(await run("create", "-s", "/cli/n-", "x"), /Created \/cli\/n-0000000000/);
  assert.match(await run("create", "-t", "60000", "/cli/brief"), /Created \/cli\/brief/);
  assert.match(await run("create", "-c", "/cli/box"), /Created \/cli\/box/);
  assert.match(await run("set", "-s", "/cli", "two"), /^dataVersion = 1$/m);
  assert.match(await run("ls", "-R", "/cli"), /^\/cli\n\/cli\/box\n\/cli\/brief\n\/cli\/n-0000000000$/m);
  assert.match(await run("getAllChildrenNumber", "/cli"), /3/);
  assert.match(await run("whoami"), /127\.0\.0\.1/);
  assert.match(await run("version"), /3\.8/);
  await run("deleteall", "/cli");
  assert.match(await run("stat", "/cli"), /Node does not exist/);
});
