import { join } from "node:path";
import { createClient, type WatchItem } from "@rollcall/client";
import { Child, sleep } from "../../host/child.ts";
import { withPeer } from "../../peers/registry.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

const HOLDER = join(import.meta.dirname, "..", "..", "load", "sdk", "holder", "main.ts");
/** Protection holds none of so few. */
const PROGRAMS = 9;
const PROGRAMS_QUICK = 3;
const LINGER_MS = 100;
const WAIT_MS_MAX = 30_000;

function isGone(item: WatchItem, service: string): boolean {
  if (item.kind !== "commit") return false;
  return item.commit.changes.some((one) => one.kind === "instance" && one.service === service && one.after === null);
}

async function measure(port: number, count: number): Promise<Sample> {
  const client = createClient({ url: `http://127.0.0.1:${port}` });
  const stop = new AbortController();
  const waiting = new Map<string, () => void>();
  const watching = (async () => {
    for await (const item of client.watch({ signal: stop.signal }))
      for (const [service, known] of waiting) if (isGone(item, service)) known();
  })();
  const services = Array.from({ length: count }, (_, nth) => `s${nth}`);
  const holders = services.map((service) => {
    const child = new Child("holder", process.execPath, [
      ...["--import", "tsx", HOLDER, String(port), service, String(LINGER_MS)],
    ]);
    return { service, child };
  });
  const knownMs: number[] = [];
  for (const { service, child } of holders) {
    const untilMs = performance.now() + WAIT_MS_MAX;
    // Its connection is a heartbeat.
    const isHeld = async () => ((await client.explain(service, "1").catch(() => null))?.keptAliveBy?.beats ?? 0) > 0;
    while (!(await isHeld())) {
      if (performance.now() > untilMs) throw child.fail("did not register");
      await sleep(20);
    }
  }
  for (const { service, child } of holders) {
    const known = new Promise<void>((resolve) => waiting.set(service, resolve));
    await sleep(50);
    const beganMs = performance.now();
    child.process.kill("SIGKILL");
    if ((await Promise.race([known.then(() => true), sleep(WAIT_MS_MAX)])) !== true) throw child.fail("is still there");
    knownMs.push(performance.now() - beganMs);
    waiting.delete(service);
  }
  stop.abort();
  await watching;
  return { known: findMedian(knownMs), slowest: Math.max(...knownMs) };
}

/** A program that holds its registration by a connection is killed: from then until a watcher is told that it is gone. */
export const KILLED: Scenario<"rollcall"> = {
  id: "killed",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 120_000,
  measure: (side, effort: Effort) =>
    withPeer(side, ({ port }) => measure(port, effort.quick ? PROGRAMS_QUICK : PROGRAMS)),
};
