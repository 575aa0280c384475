/**
 * Runs the scripts in testdata/: commands, one JSON object a line after its kind, with the commits they must give
 * under them. `ROLLCALL_REWRITE=1` writes what was given instead; read the difference before you commit it.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { instanceOf, keyOf, LIMITS_OF_TESTS } from "../../../../../test/harness/registry.ts";
import { createServerset } from "../../layouts/serverset.ts";
import { Catalog } from "../catalog/state.ts";
import {
  apply,
  type Change,
  type Command,
  gatherPlans,
  type InstanceRecord,
  type KeyRecord,
  type Layout,
  type LeaseRecord,
  ok,
  type Plan,
  type Result,
  type Rules,
  refuse,
} from "../index.ts";
import { LIMITS } from "../limits.ts";
import { decide } from "./command.ts";

const FOLDER = fileURLToPath(new URL("./testdata/", import.meta.url));

/** Adds to the number that a key holds, and says what it was. */
const ADD: Plan<{ readonly key: string; readonly by: number }, number> = {
  name: "test/add",
  make(facts, account, { key, by }) {
    const before = Number(facts.entry(account, key)?.value ?? 0);
    if (Number.isNaN(before)) return refuse("conflict", `${key} holds no number`);
    return ok({ command: by === 0 ? null : { kind: "put", key, value: String(before + by) }, note: before });
  },
};

/** Comes to the command that it is given. */
const PASS: Plan<Command, string> = { name: "test/pass", make: (_f, _a, command) => ok({ command, note: "passed" }) };

/** Puts the stamp that it is made with. */
const STAMP: Plan<string> = {
  name: "test/stamp",
  make: (_facts, account, key, { revision, atMs, origin }) =>
    ok({ command: { kind: "put", key, value: `${account} ${revision} ${atMs} ${origin}` }, note: null }),
};

const PLANS = gatherPlans([ADD, PASS, STAMP]);

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".txt"))) {
  test(`script ${file}`, () => {
    const text = readFileSync(FOLDER + file, "utf8");
    const given = run(text);
    if (process.env.ROLLCALL_REWRITE === "1") writeFileSync(FOLDER + file, given);
    else assert.equal(given, text);
  });
}

test("a transaction may change as many keys as a command alone: as many as the limit says", () => {
  const catalog = new Catalog();
  const count = LIMITS.changesMax;
  const put = (_: unknown, i: number): Change => ({ kind: "key", cause: "put", before: null, after: keyOf(`k${i}`) });
  const commit = { account: "default", atMs: 0, orderMs: 0, nth: 0 };
  apply(catalog, { ...commit, revision: 1, changes: Array.from({ length: count }, put) });
  const all: Command = { kind: "delete", from: "k", to: "l" };
  const command: Command = { kind: "when", guards: [], then: [all], otherwise: [] };
  const stamp = { revision: 2, atMs: 0, origin: "n1" };
  const rules = { limits: () => LIMITS_OF_TESTS };
  const tried = [all, command].map((one) => decide(catalog, "default", one, stamp, rules));
  assert.deepEqual(
    tried.map((decided) => decided.ok && decided.value.changes.length),
    [count, count],
  );
  apply(catalog, { ...commit, revision: 2, changes: [put(undefined, count)] });
  for (const one of [all, command]) {
    const decided = decide(catalog, "default", one, stamp, rules);
    assert.equal(!decided.ok && decided.refusal, "too-large");
  }
});

/** Runs the lines that begin with ">" and writes the trace under each. */
function run(text: string): string {
  const catalog = new Catalog();
  const limits = { ...LIMITS_OF_TESTS };
  const layouts: Layout[] = [];
  let bytesMax = Number.POSITIVE_INFINITY;
  const rules: Rules = { limits: () => limits, bytesMax: () => bytesMax, layouts: () => layouts, plans: PLANS };
  let atMs = 1000;
  const out: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("#") || line === "") out.push(line);
    if (!line.startsWith("> ")) continue;
    out.push(line);
    const [verb, ...rest] = line.slice(2).split(" ");
    const body = JSON.parse(rest.join(" ") || "{}", toValue) as Record<string, unknown>;
    if (verb === "at") {
      atMs = Number(body.ms);
      continue;
    }
    if (verb === "room") {
      bytesMax = catalog.bytes + Number(body.bytes);
      continue;
    }
    if (verb === "limits") {
      Object.assign(limits, body);
      continue;
    }
    if (verb === "serversets") {
      layouts.splice(0, layouts.length, ...(body.prefixes as string[]).map(createServerset));
      continue;
    }
    const { account = "default", ...fields } = body;
    const command = toCommand({ ...fields, kind: verb as string });
    const stamp = { revision: catalog.revision + 1, atMs, origin: "n1" };
    const decided = decide(catalog, account as string, command, stamp, rules);
    if (!decided.ok) {
      const step = decided.step === undefined ? "" : `; step ${decided.step.join(".")}`;
      out.push(`refused ${decided.refusal}: ${decided.detail}${step}`);
      continue;
    }
    const { changes, result } = decided.value;
    if (changes.length > 0)
      apply(catalog, { revision: stamp.revision, account: account as string, atMs, orderMs: atMs, nth: 0, changes });
    out.push(changes.length === 0 ? "no change" : `revision ${stamp.revision}`);
    for (const change of changes) out.push(`  ${describe(change)}`);
    for (const one of describeReads(result)) out.push(`  ${one}`);
  }
  return `${out.join("\n")}`;
}

/** JSON has no word for it. */
function toValue(_: string, value: unknown): unknown {
  return value === "Infinity" ? Number.POSITIVE_INFINITY : value;
}

function toCommand(body: Record<string, unknown> & { kind: string }): Command {
  const command: Record<string, unknown> = { ...body };
  if (body.kind === "register") {
    const { service, id, ...more } = body.instance as { service: string; id: string };
    command.instance = instanceOf(service, id, more);
    command.life ??= "keep";
  }
  if (body.kind === "grant") command.via ??= "test";
  for (const branch of ["then", "otherwise"]) {
    if (body.kind === "when") {
      command[branch] = ((body[branch] ?? []) as (Record<string, unknown> & { kind: string })[]).map(toCommand);
    }
  }
  if (body.kind === "when") command.guards ??= [];
  return command as unknown as Command;
}

function describe(change: Change): string {
  switch (change.kind) {
    case "instance":
      return `instance ${change.cause}: ${describeInstance(change.before)} -> ${describeInstance(change.after)}`;
    case "lease": {
      const silence = change.silence === null ? "" : `; silent, deadline ${change.silence.deadlineMs}`;
      return `lease ${change.cause}: ${describeLease(change.before)} -> ${describeLease(change.after)}${silence}`;
    }
    case "key":
      return `key ${change.cause}: ${describeKey(change.before)} -> ${describeKey(change.after)}`;
  }
}

function describeInstance(record: InstanceRecord | null): string {
  if (record === null) return "nothing";
  const { service, id, address, ports, tags, status, override, lease, held, createRevision, modRevision } = record;
  const parts = [`${service}/${id}`, `${address}:${ports.default ?? 0}`, status];
  if (tags.length > 0) parts.push(`tags=${tags.join(",")}`);
  if (override !== null) parts.push(`override=${override}`);
  for (const check of record.checks) parts.push(`check=${check.id}:${check.status}`);
  parts.push(`lease=${lease ?? "none"}`);
  if (held !== null) parts.push("held");
  return `${parts.join(" ")} @${createRevision}/${modRevision}`;
}

function describeLease(record: LeaseRecord | null): string {
  if (record === null) return "nothing";
  return `${record.id} ttl=${record.ttlMs}${record.own ? " own" : ""}${record.held === null ? "" : " held"} @${record.createRevision}/${record.modRevision}`;
}

function describeKey(record: KeyRecord | null): string {
  if (record === null) return "nothing";
  const { key, value, version, lease, atEnd, createRevision, modRevision, createdAtMs, stampMs, detachedAtMs } = record;
  const parts = [`${key.replaceAll("\0", "\\0")}=${value} v${version}`];
  if (lease !== null) parts.push(`lease=${lease}`);
  if (atEnd === "detach") parts.push("detaches");
  if (detachedAtMs !== 0) parts.push(`detached at ${detachedAtMs}`);
  if (createdAtMs !== stampMs) parts.push(`created at ${createdAtMs}`);
  return `${parts.join(" ")} @${createRevision}/${modRevision}`;
}

function describeReads(result: Result): string[] {
  if (result.kind === "range")
    return [`read ${result.entries.map(describeKey).join(" | ")} (${result.count}${result.more ? ", more" : ""})`];
  if (result.kind === "when")
    return [
      result.succeeded ? "then" : `otherwise, as guard ${result.broken} broke`,
      ...result.results.flatMap(describeReads),
    ];
  if (result.kind === "plan") return [`note ${JSON.stringify(result.note)}`, ...describeReads(result.result)];
  return [];
}
