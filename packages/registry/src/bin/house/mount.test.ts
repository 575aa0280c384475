/** Which dialects a replicator can carry. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DIALECTS } from "../dialects.ts";
import { loadDialects, loadPlans, rivalOf } from "./mount.ts";

const SILENT = { warn: () => undefined };
const LOCAL = { name: "islands", order: "local" } as const;

test("all dialects are carried by one order of all commits", async () => {
  const loaded = await loadDialects("all", { name: "line", order: "total" }, SILENT);
  assert.deepEqual(
    loaded.map(({ listed }) => listed),
    DIALECTS,
  );
});

test("the plans of dialects are told apart by their names", async () => {
  const loaded = await loadDialects("all", { name: "line", order: "total" }, SILENT);
  const plans: (readonly [string, string])[] = [];
  for (const one of loaded) for (const { name } of await loadPlans([one])) plans.push([one.listed.name, name]);
  assert.deepEqual(
    plans.filter(([dialect, name]) => !name.startsWith(`${dialect}/`)),
    [],
  );
  assert.ok(plans.length > 0);
});

test("a dialect that needs one order is refused where there is none, and the sentence says why", async () => {
  const why = "these dialects need one order of all commits, which the replicator islands does not keep: consul";
  const message = `${why}. Leave them out of \`dialects\`, or choose another replicator.`;
  await assert.rejects(loadDialects(["http", "consul"], LOCAL, SILENT), { name: "StartRefused", message });
  const warnings: string[] = [];
  const loaded = await loadDialects("all", LOCAL, { warn: (sentence: string) => warnings.push(sentence) } as never);
  assert.match(warnings.join(), /does not keep: .*consul.*: going on without them$/);
  assert.ok(loaded.every(({ dialect }) => dialect.needs === "any"));
  assert.ok(loaded.some(({ listed }) => listed.name === "eureka"));
});

test("a dialect that needs no order is carried by any replicator", async () => {
  const loaded = await loadDialects(["http", "dns"], LOCAL, SILENT);
  assert.deepEqual(
    loaded.map(({ listed }) => listed.name),
    ["http", "dns"],
  );
});

test("who was not named gives way to whom its port was given", () => {
  const listed = { ports: [{ name: "skydns", port: 8080 }] };
  const ports = { skydns: 8080, hera: 8080, dns: 0 };
  assert.equal(rivalOf(listed, { ports, portsNamed: new Set(["hera"]) }), "hera");
  assert.equal(rivalOf(listed, { ports, portsNamed: new Set(["hera", "skydns"]) }), undefined);
  assert.equal(rivalOf(listed, { ports, portsNamed: new Set() }), undefined);
  assert.equal(rivalOf(listed, { ports: { skydns: 0, hera: 0 }, portsNamed: new Set(["hera"]) }), undefined);
});
