/** What lasts as long as a test, and waiting for conditions. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The part of a test's context used here; `{ after }` from node:test does for a whole file. */
export interface Scope {
  after(end: () => void | Promise<void>): void;
}

/** A temporary directory, removed after the test. */
export function temporaryDirectory(scope: Scope, label = "rollcall"): string {
  const path = mkdtempSync(join(tmpdir(), `${label}-`));
  scope.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** So long each question may wait for its answer at the least, also the last one, and the only one. */
const ANSWER_MS = 10_000;

/**
 * Polls until `condition` gives something truthy, and answers that. A condition that throws is not yet true. The time is
 * for what never comes: on a busy machine all takes many times as long.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly what?: string; readonly intervalMs?: number } = {},
): Promise<Exclude<T, false | null | undefined | 0 | "">> {
  const { timeoutMs = 60_000, what = condition.toString(), intervalMs } = options;
  const startMs = performance.now();
  let last: unknown;
  for (;;) {
    try {
      last = await within(condition(), Math.max(startMs + timeoutMs - performance.now(), ANSWER_MS));
      if (last) return last as Exclude<T, false | null | undefined | 0 | "">;
    } catch (error) {
      last = error;
    }
    if (performance.now() - startMs > timeoutMs)
      throw new Error(`waited ${timeoutMs} ms in vain for: ${what}; last: ${inspectShort(last)}`);
    const restMs = intervalMs ?? restAfter(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, restMs));
  }
}

/** Until the next question: who waits long asks less often, so that many who wait leave the machine to what they wait for. */
function restAfter(waitedMs: number): number {
  return Math.min(100, Math.max(20, waitedMs / 20));
}

/** What a promise gives; rejects when it has given nothing in time: a question that is never answered must be told as well. */
async function within<T>(promise: T | Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, ms, new Error("no answer"));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function inspectShort(value: unknown): string {
  if (value instanceof Error) return value.message;
  return (JSON.stringify(value) ?? String(value)).slice(0, 500);
}
