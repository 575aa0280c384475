/** The window that deltas are cut from: bounded, and honest about what it has let go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accepted,
  recordOf as catalogRecord,
  openRig,
  type Rig,
  register,
  replaceIn,
} from "../../../../../../test/harness/registry.ts";
import type { Commit, InstanceRecord, Registry, View, Watch, Watcher } from "../../../core/index.ts";
import { type Body, Shared } from "../../../net/answers/parts.ts";
import { Spellings } from "../instances/spellings.ts";
import { Deltas } from "./deltas.ts";
import { type Gap, Window } from "./window.ts";

/** An answer, taken apart. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it at will.
type Shown = Record<string, any>;

const MINUTE = 60_000;
const START = 1_700_000_000_000;
const JSON_FORM = { format: "json", gzip: false } as const;

const recordOf = (id: string): InstanceRecord => catalogRecord("app", id, { address: "10.0.0.1", via: "http" });

const VIEWS = new WeakMap<Window, View>();

/** A catalog of these ids, and a window over it. */
function windowOver(ids: Set<string>, entriesMax: number, gap: Gap = { untilMs: 0 }): Window {
  const view = {
    account: () => undefined,
    instance: (_account: string, _service: string, id: string) => (ids.has(id) ? recordOf(id) : undefined),
    instancesById: () => [],
  } as unknown as View;
  const source = {
    registry: { read: (query: (view: View) => unknown) => query(view), pulse: () => undefined },
    dataCenter: "MyOwn",
  };
  const window = new Window(source as never, "default", 3 * MINUTE, entriesMax, gap);
  VIEWS.set(window, view);
  return window;
}

function learn(window: Window, revision: number, id: string, atMs: number, gone = false): void {
  const record = recordOf(id);
  const change = gone
    ? ({ kind: "instance", cause: "expired", before: record, after: null } as const)
    : ({ kind: "instance", cause: "registered", before: null, after: record } as const);
  const commit: Commit = { revision, account: "default", atMs: 0, orderMs: 0, nth: 0, changes: [change] };
  window.learn(commit, atMs);
}

/** A short answer is kept as one. */
function textOf(body: Body | undefined): string | undefined {
  if (body === undefined) return undefined;
  assert.ok(body instanceof Shared);
  return body.whole.toString();
}

function idsIn(window: Window, nowMs: number): string[] | undefined {
  const text = textOf(window.answer(VIEWS.get(window) as View, nowMs, JSON_FORM, "7", "UP_1_"));
  if (text === undefined) return undefined;
  const { applications } = JSON.parse(text);
  assert.deepEqual([applications.versions__delta, applications.apps__hashcode], ["7", "UP_1_"]);
  return applications.application.flatMap((app: Shown) => app.instance.map((one: Shown) => one.instanceId));
}

test("each instance is there once, with what it is now", () => {
  const ids = new Set(["a", "b"]);
  const window = windowOver(ids, 100);
  for (const [nth, id] of ["a", "b", "a", "a"].entries()) learn(window, nth + 1, id, START + nth);
  assert.deepEqual(idsIn(window, START + 10), ["a", "b"]);
  ids.delete("b");
  learn(window, 9, "b", START + 20, true);
  const body = textOf(window.answer(VIEWS.get(window) as View, START + 30, JSON_FORM, "8", "")) ?? "";
  assert.deepEqual(body.match(/"actionType":"[A-Z]+"/g), ['"actionType":"ADDED"', '"actionType":"DELETED"']);
});

test("changes go when they are three minutes old, to the ms", () => {
  const window = windowOver(new Set(["a", "b"]), 100);
  learn(window, 1, "a", START);
  learn(window, 2, "b", START + 5);
  assert.deepEqual(idsIn(window, START + 3 * MINUTE - 1), ["a", "b"]);
  assert.deepEqual(idsIn(window, START + 3 * MINUTE), ["b"]);
  assert.deepEqual(idsIn(window, START + 3 * MINUTE + 5), []);
  assert.equal(window.size, 0);
});

test("more changes than are kept make the answer a refusal, until a minute without them has passed", () => {
  const ids = new Set(Array.from({ length: 30 }, (_, i) => `i${i}`));
  const window = windowOver(ids, 10);
  let revision = 0;
  for (const id of ids) learn(window, ++revision, id, START + revision);
  assert.equal(window.size, 10);
  assert.equal(idsIn(window, START + 50), undefined);
  assert.equal(idsIn(window, START + MINUTE), undefined);
  // The last one that was let go was of START + 20.
  assert.equal(idsIn(window, START + MINUTE + 20)?.length, 10);
});

test("however often instances change each counts once, and the one that changed last stays longest", () => {
  const ids = Array.from({ length: 10 }, (_, i) => `i${i}`);
  const window = windowOver(new Set([...ids, "new"]), 10);
  let revision = 0;
  for (let round = 0; round < 2000; round++)
    for (const id of ids) if (id !== "i4" || round < 1999) learn(window, ++revision, id, START + round);
  assert.equal(window.size, 10);
  // The tenth to change last is i4, one round before the others: its place is taken.
  learn(window, ++revision, "new", START + 2000);
  assert.equal(window.size, 10);
  const later = START + 2000 + MINUTE;
  assert.deepEqual(idsIn(window, later)?.sort(), [...ids.filter((id) => id !== "i4"), "new"].sort());
  assert.deepEqual(idsIn(window, START + 1999 + 3 * MINUTE), ["new"]);
  assert.deepEqual(idsIn(window, START + 2000 + 3 * MINUTE), []);
});

test("what was not read is missing as well, also in a window that is there already", () => {
  const gap = { untilMs: 0 };
  const window = windowOver(new Set(["a"]), 10, gap);
  learn(window, 1, "a", START + 1);
  assert.deepEqual(idsIn(window, START + 2), ["a"]);
  gap.untilMs = Number.POSITIVE_INFINITY;
  assert.equal(idsIn(window, START + 2 * MINUTE), undefined);
  gap.untilMs = START;
  assert.equal(idsIn(window, START + 2), undefined);
  assert.deepEqual(idsIn(window, START + MINUTE), ["a"]);
});

test("the same state is the same answer, not another one", () => {
  const window = windowOver(new Set(["a"]), 10);
  learn(window, 1, "a", START);
  const answer = () => window.answer(VIEWS.get(window) as View, START + 1, JSON_FORM, "7", "UP_1_");
  assert.equal(answer(), answer());
  window.forget();
  assert.deepEqual(idsIn(window, START + 1), ["a"]);
});

/** A registry whose watcher can be cut off, and told of it later. */
function cuttable(registry: Registry): { readonly registry: Registry; cut(): void; tell(): void } {
  let watch: Watch | undefined;
  let watcher: Watcher | undefined;
  const wrapped = replaceIn(registry, {
    follow: (scope, after, given) => {
      watcher = given;
      const followed = registry.follow(scope, after, given);
      if (followed.ok) watch = followed.value;
      return followed;
    },
  });
  return { registry: wrapped, cut: () => watch?.close(), tell: () => watcher?.lost(registry.floor) };
}

async function openDeltas(): Promise<{ rig: Rig; line: ReturnType<typeof cuttable>; ids(): string[] | undefined }> {
  const rig = await openRig();
  const line = cuttable(rig.registry);
  const spellings = new Spellings(rig.registry);
  const source = { registry: line.registry, spellings, dataCenter: "MyOwn" };
  const deltas = await Deltas.open({ ...source, clock: rig.clock, deltaMs: 3 * MINUTE });
  const ids = (): string[] | undefined => {
    const window = deltas.of("default");
    const body = rig.registry.read((view) => textOf(window.answer(view, rig.clock.monotonic(), JSON_FORM, "7", "")));
    const list = body && JSON.parse(body).applications.application;
    return list?.flatMap((app: Shown) => app.instance.map((one: Shown) => one.instanceId));
  };
  return { rig, line, ids };
}

async function put({ registry }: Rig, id: string): Promise<number> {
  return accepted(await registry.propose("default", register("app", id, { ttlMs: 600_000 }))).revision;
}

test("when commits were missed, windows that are there already say so until a minute has passed", async () => {
  const { rig, line, ids } = await openDeltas();
  await put(rig, "seen");
  assert.deepEqual(ids(), ["seen"]);
  line.cut();
  const missed = await put(rig, "missed");
  rig.pause(10_000);
  await put(rig, "kept");
  await rig.registry.compact(missed);
  line.tell();
  assert.equal(ids(), undefined, "nobody knows yet what was missed");
  rig.pause(30_000);
  await rig.pass(1000);
  assert.equal(ids(), undefined, "a client that asked half a minute ago does not know of what was missed");
  rig.pause(30_000);
  assert.deepEqual(ids(), ["seen", "kept"]);
  await put(rig, "later");
  assert.deepEqual(ids(), ["seen", "kept", "later"]);
});

test("what can be read again was not missed", async () => {
  const { rig, line, ids } = await openDeltas();
  const old = await put(rig, "old");
  await put(rig, "old-too");
  rig.pause(4 * MINUTE);
  await put(rig, "seen");
  line.cut();
  await put(rig, "unseen");
  await rig.registry.compact(old);
  line.tell();
  assert.equal(ids(), undefined);
  await rig.pass(1000);
  assert.deepEqual(ids(), ["seen", "unseen"]);
});

test("a clock that jumps takes no change out of the window, and keeps none in it", async () => {
  for (const byMs of [400 * 24 * 60 * MINUTE, -400 * 24 * 60 * MINUTE]) {
    const { rig, ids } = await openDeltas();
    await put(rig, "before");
    rig.setClock(byMs);
    await put(rig, "after");
    assert.deepEqual(ids(), ["before", "after"]);
    rig.setClock(-byMs);
    await put(rig, "right");
    assert.deepEqual(ids(), ["before", "after", "right"]);
    rig.pause(3 * MINUTE);
    assert.deepEqual(ids(), []);
  }
});

test("what was committed before a start is in the window, also when the clock is wrong then", async () => {
  for (const byMs of [0, 400 * 24 * 60 * MINUTE, -1_000_000]) {
    const rig = await openRig();
    await put(rig, "old");
    rig.pause(4 * MINUTE);
    await put(rig, "young");
    rig.setClock(byMs);
    const source = { registry: rig.registry, spellings: new Spellings(rig.registry), dataCenter: "MyOwn" };
    const deltas = await Deltas.open({ ...source, clock: rig.clock, deltaMs: 3 * MINUTE });
    assert.equal(deltas.of("default").size, byMs < 0 ? 2 : 1);
  }
});
