import { withPeer } from "../../peers/registry.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";
import { fill, open, withBrowser } from "./page.ts";

const LOADS = 5;
const LOADS_QUICK = 2;
const SLOWDOWN = 4;

async function measureLoads(url: string, loads: number): Promise<Sample> {
  return withBrowser(async (browser) => {
    const slowMs: number[] = [];
    const plainMs: number[] = [];
    // The first one warms the registry and the browser.
    for (let nth = -1; nth < loads; nth++)
      for (const [slowdown, times] of [
        [SLOWDOWN, slowMs],
        [1, plainMs],
      ] as const) {
        const { page, fullMs } = await open(browser, url, slowdown);
        await page.context().close();
        if (nth >= 0) times.push(fullMs);
      }
    return { slow: findMedian(slowMs), plain: findMedian(plainMs) };
  });
}

/** The overview of 200 services with 10 000 instances, nothing cached: from the navigation to the first full screen. */
export const SCREEN: Scenario<"rollcall"> = {
  id: "dashboard-screen",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 240_000,
  measure: (side, effort: Effort) =>
    withPeer(side, async (peer) => {
      await fill(peer);
      return measureLoads(`http://127.0.0.1:${peer.port}`, effort.quick ? LOADS_QUICK : LOADS);
    }),
};
