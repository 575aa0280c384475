/** Nodes that are configured otherwise than others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ALONE, type Nodes } from "../core/index.ts";
import { Agreement, type Difference, TELL_MS } from "./agreement.ts";

/** Nodes that hear each other at once. */
function connect(...names: string[]): Map<string, Nodes & { isCut: boolean }> {
  const listeners = new Map<string, (bytes: Uint8Array, from: string) => void>();
  const all = new Map<string, Nodes & { isCut: boolean }>();
  for (const name of names)
    all.set(name, {
      ...ALONE,
      isCut: false,
      broadcast(_channel, bytes) {
        for (const [other, listen] of listeners)
          if (other !== name && all.get(other)?.isCut === false && all.get(name)?.isCut === false) listen(bytes, name);
      },
      on(_channel, listener) {
        listeners.set(name, listener);
        return () => listeners.delete(name);
      },
    });
  return all;
}

function openAll(...names: string[]) {
  const nodes = connect(...names);
  const clock = { ms: 0 };
  const said: (Difference & { readonly at: string })[] = [];
  const all = names.map(
    (name) =>
      new Agreement({
        nodes: nodes.get(name) as Nodes,
        line: "line",
        monotonic: () => clock.ms,
        onChange: (difference) => said.push({ at: name, ...difference }),
      }),
  );
  return { nodes, clock, said, all };
}

test("a setting that differs is named at both nodes, once, and when it is the same again", () => {
  const { said, all } = openAll("a", "b", "c");
  const [a, b, c] = all as [Agreement, Agreement, Agreement];
  for (const one of all) one.set("settings", { "limits.keysMax": 10, layouts: [{ prefix: "/x", kind: "y" }] });
  said.length = 0;
  for (const one of all) one.tell();
  assert.deepEqual(said, []);
  b.set("settings", { "limits.keysMax": 11, layouts: [{ kind: "y", prefix: "/x" }] });
  b.tell();
  const named = ["limits.keysMax"];
  assert.deepEqual(
    said.map(({ at, node, settings }) => [at, node, settings]).sort(),
    [
      ["a", "b", named],
      ["b", "a", named],
      ["b", "c", named],
      ["c", "b", named],
    ].sort(),
  );
  assert.deepEqual(a.differences, [{ node: "b", settings: named }]);
  assert.deepEqual(
    b.differences.map(({ node }) => node),
    ["a", "c"],
  );
  said.length = 0;
  b.set("settings", { "limits.keysMax": 10, layouts: [{ kind: "y", prefix: "/x" }] });
  assert.deepEqual(
    said.map(({ settings }) => settings),
    [[], [], [], []],
  );
  assert.deepEqual(
    [a, b, c].flatMap(({ differences }) => differences),
    [],
  );
});

test("what one node has and another has not differs; what a part says anew replaces what it said", () => {
  const { all } = openAll("a", "b");
  const [a, b] = all as [Agreement, Agreement];
  a.set("settings", { x: 1 });
  b.set("settings", { x: 1 });
  a.set("zone files", { "zone file example.": "abc" });
  assert.deepEqual(b.differences, [{ node: "a", settings: ["zone file example."] }]);
  a.set("zone files", {});
  assert.deepEqual(b.differences, []);
});

test("a node that is gone differs no more", () => {
  const { nodes, clock, all } = openAll("a", "b");
  const [a, b] = all as [Agreement, Agreement];
  a.set("settings", { x: 1 });
  b.set("settings", { x: 2 });
  assert.equal(a.differences.length, 1);
  (nodes.get("b") as { isCut: boolean }).isCut = true;
  clock.ms += 3 * TELL_MS;
  a.tell();
  assert.equal(a.differences.length, 1);
  clock.ms += 2 * TELL_MS;
  a.tell();
  assert.deepEqual(a.differences, []);
});
