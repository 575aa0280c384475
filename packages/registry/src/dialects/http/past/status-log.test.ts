/** What the ring of changes of status still knows when it has gone round. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, Clock, Commit, InstanceRecord, Registry, Watcher } from "../../../core/index.ts";
import { StatusLog, type Turn } from "./status-log.ts";

const at = (service: string, id: string, status: InstanceRecord["status"], held = false) =>
  ({
    service,
    id,
    status,
    override: null,
    checks: [],
    held: held ? { sinceMs: 0, reason: "" } : null,
  }) as unknown as InstanceRecord;

/** A registry whose commits the test makes, one a second. */
function rig(size: number) {
  let watcher: Watcher | undefined;
  let revision = 0;
  const registry = {
    read: (query: (view: unknown) => unknown) => query({ revision }),
    floor: 0,
    revisionAt: async () => 0,
    history: async () => ({ ok: true, value: [] }),
    follow(_scope: unknown, _after: number, one: Watcher) {
      watcher = one;
      queueMicrotask(() => one.caughtUp?.());
      return { ok: true, value: { pull() {}, close() {} } };
    },
  } as unknown as Registry;
  const log = new StatusLog(registry, { now: () => 0 } as Clock, size);
  const commit = (before: InstanceRecord | null, after: InstanceRecord | null, cause: Change["cause"] = "updated") => {
    revision++;
    const change = { kind: "instance", cause, before, after } as Change;
    watcher?.deliver([{ revision, account: "a", atMs: revision * 1000, changes: [change] } as unknown as Commit]);
  };
  return { log, commit };
}

const shown = (turns: Iterable<Turn>): string[] =>
  [...turns].map(
    ({ atMs, is }) => `${atMs / 1000} ${is === null ? "gone" : is.status}${is?.held === true ? " held" : ""}`,
  );

test("turns are linked by instance and by service, and the oldest go", async () => {
  const { log, commit } = rig(4);
  await log.open();
  commit(null, at("web", "1", "passing"), "registered");
  commit(at("web", "1", "passing"), at("web", "1", "passing"));
  commit(at("web", "1", "passing"), at("web", "1", "critical"));
  commit(null, at("web", "2", "passing"), "registered");
  commit(at("web", "1", "critical"), at("web", "1", "critical", true), "held");
  assert.deepEqual(shown(log.turnsOf("a", { service: "web", id: "1" })), [
    "5 critical held",
    "3 critical",
    "1 passing",
  ]);
  assert.deepEqual(shown(log.turnsIn("a", "web")), ["5 critical held", "4 passing", "3 critical", "1 passing"]);
  assert.equal(log.sinceMs, 0);
  commit(at("web", "2", "passing"), at("db", "2", "passing"));
  // A move is two: it leaves one name and comes by another.
  assert.deepEqual(shown(log.turnsOf("a", { service: "web", id: "2" })), ["6 gone", "4 passing"]);
  assert.deepEqual(shown(log.turnsIn("a", "db")), ["6 passing"]);
  assert.deepEqual(shown(log.turnsOf("a", { service: "web", id: "1" })), ["5 critical held"]);
  assert.equal(log.sinceMs, 4000);
  assert.deepEqual(shown(log.turnsOf("b", { service: "web", id: "1" })), []);
});
