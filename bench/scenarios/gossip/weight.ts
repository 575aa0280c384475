import { runJob } from "../../generators/driver.ts";
import { sleep } from "../../host/child.ts";
import { type Copies, type Copy, countAt, isInStep, sentBy, withCopies } from "../../peers/copies.ts";
import { awaitAnswer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const SIZE = 3;
const SERVICE_SIZE = 100;
const BEAT_MS = 10_000;
/** What was written just before is on its way by itself, and compared once more. */
const SETTLE_MS = 4000;
const FILL_MS_MAX = 240_000;
const COUNT_MS_MAX = 60_000;

/** Instances that were registered at one node. */
interface Part {
  readonly port: number;
  readonly first: number;
  readonly count: number;
}

/** To count is work for a node that has many: it is asked seldom. */
async function awaitCount(peer: Copy, count: number): Promise<void> {
  const untilMs = performance.now() + COUNT_MS_MAX;
  while ((await countAt(peer)) !== count) {
    if (performance.now() > untilMs) throw new Error(`a node has ${await countAt(peer)} of ${count} instances`);
    await sleep(200);
  }
}

/** Registers these, a share at each node, and waits until all nodes have them. */
async function fill(peers: readonly Copy[], first: number, count: number): Promise<Part[]> {
  const share = Math.ceil(count / peers.length);
  const parts = peers.map(({ port }, nth) => ({
    port,
    first: first + nth * share,
    count: Math.min(share, count - nth * share),
  }));
  const job = { kind: "rollcall-fill", connections: 16, serviceSize: SERVICE_SIZE, valueBytes: 250 } as const;
  const filled = await Promise.all(parts.map((part) => runJob({ ...job, ...part }, FILL_MS_MAX)));
  const refused = filled.reduce((sum, { errors }) => sum + errors, 0);
  if (refused > 0) throw new Error(`${refused} of ${count} instances were refused`);
  for (const peer of peers) await awaitCount(peer, first + count);
  return parts;
}

/** What a node sends to the others in a second, the mean of all, while these instances beat. */
async function bytesOf(peers: readonly Copy[], parts: readonly Part[], forMs: number): Promise<number> {
  await sleep(SETTLE_MS);
  const job = { kind: "rollcall-beats", parts, serviceSize: SERVICE_SIZE, everyMs: BEAT_MS, forMs } as const;
  const beating = runJob(job, forMs + 60_000);
  const before = await Promise.all(peers.map(sentBy));
  const from = performance.now();
  const { errors } = await beating;
  if (errors > 0) throw new Error(`${errors} heartbeats found no lease`);
  const seconds = (performance.now() - from) / 1000;
  const after = await Promise.all(peers.map(sentBy));
  return after.reduce((sum, sent, nth) => sum + sent - (before[nth] as number), 0) / peers.length / seconds;
}

async function catchUp({ add }: Copies, count: number): Promise<number> {
  const from = performance.now();
  const fresh = await add();
  await awaitAnswer(fresh, "readiness in step with another node", () => isInStep(fresh));
  const tookMs = performance.now() - from;
  await awaitCount(fresh, count);
  return tookMs;
}

async function measure(_side: "rollcall", { population, measureMs }: Effort): Promise<Sample> {
  return withCopies("rollcall", SIZE, async (copies) => {
    const { peers } = copies;
    const forMs = Math.max(measureMs, 3000) + 4000;
    // They have just met.
    await sleep(SETTLE_MS);
    const idle = await bytesOf(peers, [], forMs);
    const sample: Sample = { bytes0: idle };
    const parts: Part[] = [];
    let first = 0;
    for (const [name, count] of [
      ["few", population / 100],
      ["some", population / 10],
      ["many", population],
    ] as const) {
      parts.push(...(await fill(peers, first, count - first)));
      first = count;
      const bytes = await bytesOf(peers, parts, forMs);
      sample[name] = bytes;
      sample[`${name}Percent`] = (100 * bytes) / idle;
    }
    sample.empty = await catchUp(copies, population);
    return sample;
  });
}

/** What three nodes say to each other while nothing changes but heartbeats, and a fourth that comes with an empty directory. */
export const WEIGHT: Scenario<"rollcall"> = {
  id: "gossip-weight",
  rounds: 2,
  sides: ["rollcall"],
  roundMsMax: 400_000,
  measure,
};
