/** Events over two nodes. No sockets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ALONE, type Nodes } from "../../../../core/index.ts";
import { RecentEvents } from "./recent.ts";

type Listener = Parameters<Nodes["on"]>[1];

/** Nodes that hear each other at once. */
function link(count: number): Nodes[] {
  const listeners = new Map<number, Listener>();
  return Array.from({ length: count }, (_, own) => ({
    ...ALONE,
    broadcast(_channel: string, bytes: Uint8Array) {
      for (const [nth, listener] of listeners) if (nth !== own) listener(bytes, `n${own}`);
    },
    on(_channel: string, listener: Listener) {
      listeners.set(own, listener);
      return () => listeners.delete(own);
    },
  }));
}

const SAID = { Payload: null, NodeFilter: "", ServiceFilter: "", TagFilter: "", Version: 1 };

test("an event is at every node, in the order in which it was heard, and wakes those that wait for its account", () => {
  const [one, other] = link(2).map((nodes) => new RecentEvents(nodes)) as [RecentEvents, RecentEvents];
  const told: string[] = [];
  const stop = other.onNext("a", () => told.push("a"));
  other.onNext("b", () => told.push("b"));
  one.fire("a", { ...SAID, ID: "1", Name: "first" });
  other.fire("a", { ...SAID, ID: "2", Name: "second" });
  stop();
  one.fire("a", { ...SAID, ID: "3", Name: "third" });
  for (const node of [one, other])
    assert.deepEqual(
      node.list("a").map(({ Name, LTime }) => [Name, LTime]),
      [
        ["first", 1],
        ["second", 2],
        ["third", 3],
      ],
    );
  assert.deepEqual([told, other.list("b")], [["a", "a"], []]);
  other.close();
  one.fire("a", { ...SAID, ID: "4", Name: "fourth" });
  assert.equal(other.list("a").length, 3);
});
