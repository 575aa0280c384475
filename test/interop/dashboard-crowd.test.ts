/** Many instances that change all the time: no task of the page is long, and its memory stays. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CHANGES_PER_SECOND,
  fillCrowd,
  HEAP_BYTES_MAX,
  heapOf,
  scroll,
  startChanges,
  TASK_MS_MAX,
  tasksOf,
} from "../dashboard/crowd.ts";
import { assertQuiet, CHROMIUM, clientOf, look, openBrowser } from "../dashboard/rig.ts";
import { startRollcall } from "../harness/program.ts";

const PAGES = [
  "/ui/default",
  "/ui/default/instances",
  "/ui/default/services/service-0",
  "/ui/default/events",
  "/ui/default/map",
] as const;
const SETTLE_MS = 2000;
const READ_MS = 2500;

test("10 000 instances with 20 changes a second: no task over 50 ms, and at most 150 MB", {
  skip: CHROMIUM.skip,
}, async (t) => {
  const scope = { after };
  const [registry, browser] = await Promise.all([startRollcall(scope), openBrowser(scope)]);
  const client = clientOf(registry.url);
  await fillCrowd(client);
  const looked = await look(browser, registry.url);
  const { page } = looked;
  const stop = startChanges(client);
  const startMs = performance.now();
  for (const path of PAGES) {
    await page.goto(registry.url + path);
    await page.locator("[data-row], .map .node").first().waitFor();
    await sleep(SETTLE_MS);
    const tasks = await tasksOf(browser, page, () => scroll(page, READ_MS));
    const heap = await heapOf(page);
    const shown = `${path}: longest ${(tasks[0] ?? 0).toFixed(1)} ms of ${tasks.length}, heap ${(heap / 1e6).toFixed(1)} MB`;
    t.diagnostic(shown);
    assert.ok((tasks[0] ?? 0) <= TASK_MS_MAX, shown);
    assert.ok(heap <= HEAP_BYTES_MAX, shown);
  }
  const made = await stop();
  const rate = made / ((performance.now() - startMs) / 1000);
  assert.ok(rate > CHANGES_PER_SECOND / 2, `only ${rate.toFixed(1)} changes a second were made`);
  assertQuiet(looked);
});
