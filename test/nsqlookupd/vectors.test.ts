/** Replays what was said to a real nsqlookupd, byte for byte, and compares every answer with its. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../harness/root.ts";
import { until } from "../harness/scope.ts";
import { Line, startLookupd } from "./rig.ts";

type Step =
  | { readonly tcp: string; readonly hex: string; readonly answers: readonly string[]; readonly closed: boolean }
  | { readonly close: string }
  | {
      readonly http: string;
      readonly status: number;
      readonly type: string | null;
      readonly nsq: string | null;
      readonly body: string;
    };

const FILE = join(ROOT, "packages/registry/src/dialects/nsqlookupd/vectors/nsqlookupd-1.3.0.json");

/** What differs from run to run. Lists have no order in the original. */
function plain(text: string): unknown {
  const shape = (value: unknown, name = ""): unknown => {
    if (Array.isArray(value)) return value.map((one) => shape(one)).sort((a, b) => (order(a) < order(b) ? -1 : 1));
    if (typeof value === "object" && value !== null)
      return Object.fromEntries(
        Object.entries(value)
          .map(([key, one]) => [key, shape(one, key)] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
    if (name === "remote_address" || name === "id") return String(value).replace(/:[0-9]+$/, ":port");
    if (name === "last_update" || (name === "tombstoned_at" && Number(value) > 0)) return Number(value) > 1.6e18;
    return value;
  };
  return shape(JSON.parse(text));
}

const order = (value: unknown): string => JSON.stringify(value);

/** The original's own name and ports. */
const isWelcome = (answer: string): boolean => answer.startsWith('{"broadcast_address"');

test("what clients say is answered as by the original", async (t) => {
  const lookupd = await startLookupd(t);
  const lines = new Map<string, Line>();
  const { steps } = JSON.parse(readFileSync(FILE, "utf8")) as { steps: readonly Step[] };
  assert.ok(steps.length > 100);
  for (const [at, step] of steps.entries()) {
    const note = `step ${at}: ${JSON.stringify(step)}`;
    if ("close" in step) {
      lines.get(step.close)?.socket.destroy();
      lines.delete(step.close);
      await until(async () => !(await lookupd.web("GET /nodes")).text.includes("10.0.0.1"));
    } else if ("http" in step) {
      const { status, headers, text } = await lookupd.web(step.http);
      const nsq = headers["x-nsq-content-type"] ?? null;
      assert.deepEqual([status, headers["content-type"] ?? null, nsq], [step.status, step.type, step.nsq], note);
      if (step.body.startsWith("{")) assert.deepEqual(plain(text), plain(step.body), note);
      else assert.equal(text, step.body, note);
    } else {
      const line = lines.get(step.tcp) ?? new Line(t, lookupd.tcp);
      lines.set(step.tcp, line);
      const answers = await line.say(Buffer.from(step.hex, "hex"), Math.max(1, step.answers.length));
      if (step.answers.length === 1 && isWelcome(step.answers[0] as string))
        assert.deepEqual(
          Object.keys(JSON.parse(answers[0] ?? "{}")),
          Object.keys(JSON.parse(step.answers[0] as string)),
          note,
        );
      else assert.deepEqual(answers, step.answers, note);
      if (!step.closed) continue;
      await until(() => line.closed, { what: note });
      lines.delete(step.tcp);
    }
  }
});
