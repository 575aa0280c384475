/** `/v2/keys` beside the original, asked the same. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { etcd, startEtcd, startOriginal } from "../etcd/dialect/rig.ts";
import { converse, meaningsOf, writeConversations } from "../etcd/dialect/web/vectors.ts";

/** Names a file that the original's answers are written to, as vectors. */
const RECORD = process.env.ROLLCALL_RECORD_ETCD_V2;

test("the original and this one answer alike", { skip: etcd.skip, timeout: 120_000 }, async (t) => {
  const theirs = await converse(`http://127.0.0.1:${await startOriginal(t)}/v2/keys`);
  if (RECORD !== undefined) writeFileSync(RECORD, writeConversations(theirs));
  const ours = await startEtcd(t, { dialects: "etcd" });
  const own = await converse(`http://127.0.0.1:${ours.port("etcd")}/v2/keys`);
  for (const [nth, one] of theirs.entries()) assert.deepEqual(meaningsOf(own[nth] ?? one), meaningsOf(one), one.name);
});
