/** Ten thousand instances and a change every 50 ms: what a page's main thread and memory make of it. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@rollcall/client";
import type { Browser, Page } from "playwright-core";

const SERVICES = 200;
const INSTANCES = 10_000;
const AT_ONCE = 32;
export const CHANGES_PER_SECOND = 20;
export const TASK_MS_MAX = 50;
export const HEAP_BYTES_MAX = 150 * 1024 * 1024;

function serviceOf(nth: number): string {
  return `service-${nth % SERVICES}`;
}

/** 50 instances of each of 200 services, in three zones and two versions. */
export async function fillCrowd(client: Client): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    for (let nth = next++; nth < INSTANCES; nth = next++)
      await client.registerOnce({
        service: serviceOf(nth),
        id: `i-${nth}`,
        address: `10.0.${nth >> 8}.${nth & 255}`,
        port: 8080,
        ttl: "3h",
        zone: `eu-1${"abc"[nth % 3]}`,
        version: nth % 5 === 0 ? "2.0.1" : "2.0.0",
        tags: ["web"],
        meta: { team: `team-${nth % 12}` },
        checks: [{ id: "db", kind: "reported" }],
      });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  // Everybody calls two others.
  for (let nth = 1; nth < SERVICES; nth++)
    await client.trio.subscribe({
      application: serviceOf(nth),
      subscribes: [{ provider: serviceOf(nth >> 1) }, { provider: serviceOf(nth >> 2) }],
    });
}

/** Checks turn, all over the services, until it is told to stop; answers how many did. */
export function startChanges(client: Client): () => Promise<number> {
  let isOn = true;
  let made = 0;
  const running = (async () => {
    const startMs = performance.now();
    while (isOn) {
      const nth = (made * 37) % INSTANCES;
      const status = made % 3 === 0 ? "critical" : "passing";
      await client.report(serviceOf(nth), `i-${nth}`, "db", { status, output: `turn ${made}` });
      made++;
      await sleep(Math.max(0, startMs + (made * 1000) / CHANGES_PER_SECOND - performance.now()));
    }
  })();
  return async () => {
    isOn = false;
    await running;
    return made;
  };
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Of the thread's own time, in µs: a machine that is busy with others adds none. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** How long the tasks of the page's main thread ran while `work` was done, in ms of its own time, the longest first. */
export async function tasksOf(browser: Browser, page: Page, work: () => Promise<void>): Promise<number[]> {
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline", "__metadata"] });
  await work();
  const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] };
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents
    .filter(({ name, pid, tid, tdur }) => /RunTask$/.test(name) && tdur !== undefined && mains.has(`${pid} ${tid}`))
    .map(({ tdur = 0 }) => tdur / 1000);
  assert.ok(tasks.length > 20, `only ${tasks.length} tasks were seen`);
  return tasks.sort((one, other) => other - one);
}

/** What the page's scripts hold, after what is garbage has gone. */
export async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}

/** Somebody reads on, down and up again. */
export async function scroll(page: Page, ms: number): Promise<void> {
  const untilMs = performance.now() + ms;
  for (let step = 0; performance.now() < untilMs; step++) {
    await page.mouse.wheel(0, step % 20 < 10 ? 600 : -600);
    await sleep(100);
  }
}
