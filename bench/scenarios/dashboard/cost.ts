import { createClient } from "@rollcall/client";
import { readCpuSeconds, sleep } from "../../host/child.ts";
import { type RegistryPeer, withPeer } from "../../peers/registry.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";
import { fill, open, withBrowser } from "./page.ts";

const CHANGES_PER_SECOND = 20;
const TURNS = 4;
const TURNS_QUICK = 2;
const TURN_MS = 8000;
const SETTLE_MS = 2500;

/** Changes of status all over the services, at a steady rate, until it is told to stop. */
async function startChanges(url: string): Promise<() => Promise<void>> {
  const client = createClient({ url });
  const { instances } = await client.instances({ limit: 10_000 });
  let isOn = true;
  const running = (async () => {
    const startMs = performance.now();
    for (let nth = 0; isOn; nth++) {
      const one = instances[(nth * 37) % instances.length];
      if (one !== undefined) await client.override(one.service, one.id, nth % 2 === 0 ? "draining" : null);
      await sleep(Math.max(0, startMs + (nth * 1000) / CHANGES_PER_SECOND - performance.now()));
    }
  })();
  return async () => {
    isOn = false;
    await running;
  };
}

/** Percent of a core that the server takes meanwhile. */
async function loadOf({ child }: RegistryPeer, ms: number): Promise<number> {
  const pid = child.process.pid ?? 0;
  const before = readCpuSeconds(pid);
  const startMs = performance.now();
  await sleep(ms);
  return ((readCpuSeconds(pid) - before) / (performance.now() - startMs)) * 1000 * 100;
}

/** By turns without and with an open overview. */
async function measureTurns(peer: RegistryPeer, turns: number): Promise<Sample> {
  const url = `http://127.0.0.1:${peer.port}`;
  const stop = await startChanges(url);
  return withBrowser(async (browser) => {
    const without: number[] = [];
    const added: number[] = [];
    // The first turn warms up.
    for (let nth = -1; nth < turns; nth++) {
      const bare = await loadOf(peer, TURN_MS);
      const { page } = await open(browser, url, 1);
      await sleep(SETTLE_MS);
      const watched = await loadOf(peer, TURN_MS);
      await page.context().close();
      await sleep(SETTLE_MS / 2);
      if (nth < 0) continue;
      without.push(bare);
      added.push(watched - bare);
    }
    await stop();
    return { added: findMedian(added), without: findMedian(without) };
  });
}

/** What one open overview costs the registry while 20 of its 10 000 instances change each second. */
export const COST: Scenario<"rollcall"> = {
  id: "dashboard-cost",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 240_000,
  measure: (side, effort: Effort) =>
    withPeer(side, async (peer) => {
      await fill(peer);
      return measureTurns(peer, effort.quick ? TURNS_QUICK : TURNS);
    }),
};
