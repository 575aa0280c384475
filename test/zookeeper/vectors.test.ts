/**
 * What the original answered, asked again of ours: the answers mean the same, field for field. zxids, times and sessions
 * are others at each server. test/interop/zookeeper-original.test.ts asks a real one, and writes the vectors anew.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { ROOT } from "../harness/root.ts";
import { startZookeeper } from "./rig.ts";
import { type Conversation, meaningsOf, say } from "./vectors.ts";

const FILE = join(ROOT, "packages/registry/src/dialects/zookeeper/vectors/zookeeper-3.8.0.json");
const conversations = JSON.parse(readFileSync(FILE, "utf8")) as readonly Conversation[];

const rollcall = await startZookeeper({ after }, { dialects: "zookeeper" });
const port = rollcall.port("zookeeper");

assert.ok(conversations.length > 0);

for (const recorded of conversations)
  test(`the original's answers are ours: ${recorded.name}`, async () => {
    const steps = recorded.talk.map(({ op, asked }) => ({ op, body: Buffer.from(asked, "hex") }));
    const ours = await say({ after }, port, recorded.name, steps);
    assert.deepEqual(meaningsOf(ours), meaningsOf(recorded));
  });
