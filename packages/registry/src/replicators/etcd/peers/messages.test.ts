import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig, register } from "../../../../../../test/harness/registry.ts";
import type { Command } from "../../../core/index.ts";
import { bounded, decodeEnvelope, encodeEnvelope } from "../log/envelope.ts";
import {
  BatchWriter,
  decodeBatch,
  decodeLeases,
  decodeReplies,
  decodeReply,
  encodeLeases,
  encodeReplies,
  encodeReply,
  type Reply,
  read,
  resultOfSketch,
  sketchOf,
} from "./messages.ts";

test("commands arrive as they were sent, whatever JSON has no word for", () => {
  const inputs = [
    { a: 1, b: [null, "x\ud800y", "é", "\u0000\u00ff"], c: { d: true } },
    { at: Number.POSITIVE_INFINITY, none: undefined },
    new Map([["k", new Set([1, 2])]]),
    [undefined, Number.NaN],
  ];
  const head = { duty: 2 ** 40, session: "s", first: 7 };
  const commands = inputs.map((input, at) => ({
    account: at < 2 ? "default" : "other",
    command: { kind: "plan", name: "x/y", input } as const,
  }));
  const writer = new BatchWriter();
  writer.begin(head);
  for (const [at, asked] of commands.entries()) {
    writer.add(asked);
    if (at === 1)
      assert.throws(() => writer.add({ account: "default", command: { kind: "plan", name: "x/y", input: () => {} } }));
  }
  assert.deepEqual(decodeBatch(Buffer.from(writer.bytes())), { ...head, commands });
  assert.equal(read(decodeBatch, Buffer.from("noise")), undefined);
});

test("of a batch the answer tells what the log does not, each in its place", () => {
  const refused = { ok: false, refusal: "conflict", detail: "d", step: [1, 2] } as const;
  const replies: readonly Reply[] = [
    { kind: "committed", sketch: "" },
    { kind: "refused", revision: 9, refused },
    { kind: "elsewhere" },
    { kind: "committed", sketch: "noted" },
    { kind: "same", revision: 2 ** 41, result: { kind: "changed", changes: [] } },
    { kind: "committed", sketch: "" },
  ];
  const replyAt = decodeReplies(encodeReplies(replies));
  assert.deepEqual(
    replies.map((_, at) => replyAt(at)),
    replies,
  );
  assert.equal(encodeReplies(Array.from({ length: 1000 }, () => replies[0] as Reply)).length, 1);
  assert.deepEqual(decodeReplies(encodeReplies(undefined))(3), { kind: "elsewhere" });
  for (const reply of replies) assert.deepEqual(decodeReply(encodeReply(reply)), reply);
  assert.deepEqual(decodeReply(Buffer.from([99])), { kind: "elsewhere" });
});

test("leases keep their order and their accounts", () => {
  const leases = [
    { account: "a", lease: "1" },
    { account: "a", lease: "2" },
    { account: "b", lease: "3" },
    { account: "a", lease: "4" },
  ];
  assert.deepEqual(decodeLeases(Buffer.from(encodeLeases(leases))), [
    { account: "a", leases: ["1", "2"] },
    { account: "b", leases: ["3"] },
    { account: "a", leases: ["4"] },
  ]);
});

test("what a command answers is made again from its commit and what stands beside it in the log", async () => {
  const rig = await openRig();
  const put = (key: string): Command => ({ kind: "put", key, value: "v" });
  const commands: Command[] = [
    put("plain"),
    register("s", "1"),
    {
      kind: "when",
      guards: [{ on: "version", key: "plain", is: "=", than: 1 }],
      then: [put("b"), { kind: "range", from: "b" }, { kind: "when", guards: [], then: [put("b")], otherwise: [] }],
      otherwise: [],
    },
  ];
  for (const command of commands) {
    const { commit, result } = accepted(await rig.registry.propose("default", command));
    const changes = commit?.changes ?? [];
    const sketch = sketchOf(result, changes);
    assert.equal(sketch === "", command.kind !== "when");
    const sent = [
      { at: 0, session: "one", number: 1, sketch },
      { at: 3, session: "two", number: 2, sketch: undefined },
    ];
    const envelope = { id: "i", after: "a", parts: 0, sent, body: Buffer.from("body") };
    const stored = decodeEnvelope(encodeEnvelope(envelope));
    assert.ok(stored.ok);
    assert.deepEqual(stored.value.sent, sent);
    assert.deepEqual(resultOfSketch(stored.value.sent[0]?.sketch ?? "none", changes), result);
  }
});

test("a group's head stays within its bound: what is too long for it is told by the answer alone", () => {
  const sent = Array.from({ length: 4096 }, (_, at) => ({ at, session: "s", number: at, sketch: "x".repeat(1000) }));
  const kept = bounded(sent);
  assert.ok(kept.some(({ sketch }) => sketch !== undefined) && kept.some(({ sketch }) => sketch === undefined));
  const bytes = encodeEnvelope({ id: "i", after: "a", parts: 0, sent: kept, body: Buffer.alloc(0) });
  const stored = decodeEnvelope(bytes);
  assert.ok(stored.ok && stored.value.sent.length === 4096);
});
