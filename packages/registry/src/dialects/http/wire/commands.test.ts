import assert from "node:assert/strict";
import { test } from "node:test";
import { type Command, type Instance, UNSAID } from "../../../core/index.ts";
import { toPlain } from "../../../net/link/plain.ts";
import { decodeForwarded } from "./commands.ts";

const INSTANCE: Instance = { ...UNSAID, service: "s", id: "i", address: "h", weight: 1, via: "http" };
const KEY = { service: "s", id: "i" };

function read(command: unknown) {
  return decodeForwarded(JSON.parse(JSON.stringify({ command: toPlain(command) })));
}

const ORDINARY: readonly Command[] = [
  { kind: "grant", lease: "l", ttlMs: Number.POSITIVE_INFINITY, via: "http", meta: { a: "b" } },
  { kind: "end", lease: "l", cause: "closed" },
  { kind: "register", instance: INSTANCE, life: { ttlMs: 5000 } },
  { kind: "register", instance: INSTANCE, life: "permanent", ifAbsent: true },
  { kind: "deregister", instance: KEY },
  { kind: "report", instance: KEY, checkId: "c", status: "passing", output: "" },
  { kind: "override", instance: KEY, status: null },
  { kind: "put", key: "k", value: "\xff\x00", lease: null },
  { kind: "delete", from: "k", to: "" },
  { kind: "range", from: "k", limit: 3 },
  {
    kind: "when",
    guards: [{ on: "mod", key: "k", is: "=", than: 3 }],
    then: [{ kind: "put", key: "k", value: "v" }],
    otherwise: [],
  },
];

const OTHERS: readonly unknown[] = [
  { kind: "plan", name: "http/patch", input: {} },
  { kind: "put", key: "\0etcd/users", value: "v" },
  { kind: "put", key: "", value: "v" },
  { kind: "put", key: "k", value: "\u20ac" },
  { kind: "put", key: "k", value: 5 },
  { kind: "put", key: "k", value: "v", more: 1 },
  { kind: "delete", from: "", to: "z" },
  { kind: "end", lease: "\0l", cause: "closed" },
  { kind: "end", lease: "l", cause: "expired" },
  { kind: "register", instance: { ...INSTANCE, tags: [1] }, life: "keep" },
  { kind: "register", instance: { ...INSTANCE, status: "fine" }, life: "keep" },
  { kind: "when", guards: [], then: [{ kind: "put", key: "\0k", value: "v" }], otherwise: [] },
  { kind: "when", guards: [{ on: "constructor" }], then: [], otherwise: [] },
  { kind: "merge", units: [] },
  { kind: "toString" },
];

test("commands that write what may be seen are ordinary, and come as they were sent", () => {
  for (const command of ORDINARY) {
    const found = read(command);
    assert.ok(found.ok, JSON.stringify(command));
    assert.deepEqual(found.value, { command, by: undefined, isOrdinary: true });
    const by = { token: null, dialect: "consul", address: "10.0.0.1" };
    const signed = read({ kind: "signed", by, command });
    assert.deepEqual(signed.ok && signed.value, { command, by, isOrdinary: true });
  }
});

test("plans, reserved names, and what is not as it should be take more", () => {
  for (const command of OTHERS) {
    const found = read(command);
    assert.ok(found.ok, JSON.stringify(command));
    assert.equal(found.value.isOrdinary, false, JSON.stringify(command));
  }
});

test("what is no command is refused, however deep it is", () => {
  for (const body of [undefined, null, {}, { command: 1 }, { command: {} }, { command: { "~": "map", v: 3 } }])
    assert.equal(decodeForwarded(body).ok, false, JSON.stringify(body));
  let command: unknown = { kind: "delete", from: "k" };
  for (let depth = 0; depth < 100; depth++) command = { kind: "when", guards: [], then: [command], otherwise: [] };
  const found = decodeForwarded({ command });
  assert.ok(found.ok && !found.value.isOrdinary);
});
