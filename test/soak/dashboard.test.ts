/** The overview stays open for an hour over 10 000 instances with 20 changes a second: its memory and its tasks stay small. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fillCrowd, HEAP_BYTES_MAX, heapOf, scroll, startChanges, TASK_MS_MAX, tasksOf } from "../dashboard/crowd.ts";
import { assertQuiet, CHROMIUM, clientOf, look, openBrowser } from "../dashboard/rig.ts";
import { startRollcall } from "../harness/program.ts";

/** Minutes; ROLLCALL_SOAK_MINUTES makes it shorter. */
const MINUTES = Number(process.env.ROLLCALL_SOAK_MINUTES ?? 60);
const STEP_MINUTES = Math.min(10, MINUTES);
const READ_MS = 20_000;

test("an hour of an open overview", { skip: CHROMIUM.skip }, async (t) => {
  const scope = { after };
  const [registry, browser] = await Promise.all([startRollcall(scope), openBrowser(scope)]);
  const client = clientOf(registry.url);
  await fillCrowd(client);
  const looked = await look(browser, registry.url);
  const { page } = looked;
  await page.locator("[data-row]").first().waitFor();
  const stop = startChanges(client);
  for (let minutes = 0; minutes < MINUTES; minutes += STEP_MINUTES) {
    await sleep(STEP_MINUTES * 60_000 - READ_MS);
    const tasks = await tasksOf(browser, page, () => scroll(page, READ_MS));
    const heap = await heapOf(page);
    const shown = `after ${minutes + STEP_MINUTES} min: longest ${(tasks[0] ?? 0).toFixed(1)} ms, heap ${(heap / 1e6).toFixed(1)} MB`;
    t.diagnostic(shown);
    assert.ok((tasks[0] ?? 0) <= TASK_MS_MAX, shown);
    assert.ok(heap <= HEAP_BYTES_MAX, shown);
  }
  assert.ok((await stop()) > MINUTES * 60 * 10);
  assertQuiet(looked);
});
