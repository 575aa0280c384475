/**
 * The `.proto` of the grpc dialect is a contract: fields, values and methods are added, never changed or removed. What it
 * said so far is in vectors/v1.json; `ROLLCALL_RECORD=1 node scripts/test.mjs test/grpc/contract.test.ts` adds what is new.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { AnyDesc, DescField } from "@bufbuild/protobuf";
import { PACKAGE, SCHEMA } from "../../packages/registry/src/dialects/grpc/proto/schema.ts";
import { ROOT } from "../harness/root.ts";

const RECORDED = join(ROOT, "packages/registry/src/dialects/grpc/vectors/v1.json");

/** By the name of a message, an enum or a service what is fixed of its parts. */
type Contract = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What a change of would break: on the wire, in JSON, and in programs that are compiled with it. */
function fieldOf(field: DescField): string {
  const type = field.message?.typeName ?? field.enum?.typeName ?? (field.scalar === undefined ? "" : `${field.scalar}`);
  const kind = field.fieldKind === "map" ? `map ${field.mapKey} ${field.mapKind}` : field.fieldKind;
  const list = field.fieldKind === "list" ? ` of ${field.listKind}` : "";
  return `${field.name} ${kind}${list} ${type} presence ${field.presence} ${field.oneof?.name ?? ""}`.trim();
}

function partsOf(desc: AnyDesc): Readonly<Record<string, string>> | undefined {
  if (desc.kind === "message") return Object.fromEntries(desc.fields.map((field) => [field.number, fieldOf(field)]));
  if (desc.kind === "enum") return Object.fromEntries(desc.values.map(({ number, name }) => [number, name]));
  if (desc.kind !== "service") return undefined;
  return Object.fromEntries(
    desc.methods.map(({ name, methodKind, input, output }) => [
      name,
      `${methodKind} ${input.typeName} ${output.typeName}`,
    ]),
  );
}

function contractOf(): Contract {
  const all = [...SCHEMA.files].flatMap((desc) => {
    const parts = "typeName" in desc && desc.typeName.startsWith(`${PACKAGE}.`) ? partsOf(desc) : undefined;
    return parts === undefined ? [] : [[(desc as { typeName: string }).typeName, parts] as const];
  });
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What is no more as it was. */
function findBroken(recorded: Contract, now: Contract): string[] {
  return Object.entries(recorded).flatMap(([name, parts]) =>
    Object.entries(parts).flatMap(([part, was]) => {
      const is = now[name]?.[part];
      return is === was ? [] : [`${name} ${part} was ${was}, is ${is ?? "gone"}`];
    }),
  );
}

test("what the contract said is as it was", () => {
  const recorded = JSON.parse(readFileSync(RECORDED, "utf8")) as Contract;
  const now = contractOf();
  assert.deepEqual(findBroken(recorded, now), []);
  if (process.env.ROLLCALL_RECORD !== undefined) writeFileSync(RECORDED, `${JSON.stringify(now, null, 2)}\n`);
  else assert.deepEqual(now, recorded, "record what was added, as the head of this file says");
});

test("a field that is changed, moved or removed is told", () => {
  const now = contractOf();
  const name = `${PACKAGE}.Beat`;
  const { 1: lease = "", ...others } = now[name] ?? {};
  assert.deepEqual(findBroken(now, { ...now, [name]: { ...others, 4: lease } }).length, 1);
  assert.deepEqual(findBroken(now, { ...now, [name]: { ...others, 1: lease.replace("lease", "id") } }).length, 1);
  assert.deepEqual(findBroken(now, { ...now, [`${PACKAGE}.Leases`]: {} }).length, 3);
  assert.deepEqual(findBroken(now, { ...now, [name]: { ...others, 1: lease, 4: "more" } }), []);
});

test("by reflection tools learn of health, and of what a status has", () => {
  const described = SCHEMA.describe([`${PACKAGE}.Catalog`]);
  assert.deepEqual(described.services, [`${PACKAGE}.Catalog`, "grpc.health.v1.Health"]);
  const [own, health, details] = ["registry", "health", "error_details"];
  for (const [symbol, file] of [
    [`${PACKAGE}.Catalog.Watch`, own],
    [`${PACKAGE}.Beat`, own],
    ["grpc.health.v1.Health.Check", health],
    ["grpc.health.v1.HealthCheckResponse", health],
    ["google.rpc.ErrorInfo", details],
    ["google.rpc.BadRequest.FieldViolation", details],
  ] as const) {
    const name = described.fileOf(symbol);
    assert.match(name ?? "", new RegExp(`/${file}\\.proto$`), symbol);
    const found = described.file(name ?? "");
    assert.ok(found !== undefined && found.bytes.length > 0);
    for (const imported of found.imports) assert.ok(described.file(imported), imported);
  }
  assert.equal(described.fileOf("google.rpc.Nothing"), undefined);
});
