/** `/v2/keys` beside the original, asked the same. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { converse, meaningsOf, writeConversations } from "../etcd/web/vectors.ts";
import { startEtcd } from "../etcd-dialect/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import { startPeer } from "../peers-rig.ts";

/** Names a file that the original's answers are written to, as vectors. */
const RECORD = process.env.ROLLCALL_RECORD_ETCD_V2;

const { path, skip } = requirePackage("etcd-server", "etcd");

test("the original and this one answer alike", { skip, timeout: 120_000 }, async (t) => {
  const [port, peer] = [await freePort(), await freePort()];
  const [client, between] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peer}`];
  const args = [
    ...["--data-dir", temporaryDirectory(t, "original"), "--enable-v2", "--logger", "zap", "--log-level", "error"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", between, "--initial-advertise-peer-urls", between],
    ...["--initial-cluster", `default=${between}`],
  ];
  await startPeer(t, { path, args, isReady: async () => (await fetch(`${client}/health`)).ok });
  const theirs = await converse(`${client}/v2/keys`);
  if (RECORD !== undefined) writeFileSync(RECORD, writeConversations(theirs));
  const ours = await startEtcd(t, { dialects: "etcd" });
  const own = await converse(`http://127.0.0.1:${ours.port("etcd")}/v2/keys`);
  for (const [nth, one] of theirs.entries()) assert.deepEqual(meaningsOf(own[nth] ?? one), meaningsOf(one), one.name);
});
