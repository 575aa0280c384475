/** Events and queries between the clients of several nodes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Nodes } from "../../../core/index.ts";
import { type Answer, Bus, type Query, type UserEvent } from "./bus.ts";

type Hear = (bytes: Uint8Array, from: string) => void;

/** Nodes that reach each other at once. */
function connect(names: readonly string[]): readonly Bus[] {
  const heard = new Map<string, Hear>();
  const clock = { now: () => 0, monotonic: () => 0 };
  return names.map((name) => {
    const nodes: Nodes = {
      isOnDuty: () => true,
      onDuty: () => () => {},
      broadcast(_, bytes) {
        for (const [other, hear] of heard) if (other !== name) hear(bytes, name);
      },
      on(_, hear) {
        heard.set(name, hear);
        return () => heard.delete(name);
      },
    };
    return new Bus(nodes, clock, name);
  });
}

test("what one client says all hear, and what they answer comes back to it", async () => {
  const buses = connect(["n1", "n2", "n3"]);
  const [first] = buses as [Bus, Bus, Bus];
  const events: [string, UserEvent][] = [];
  const queries: string[] = [];
  for (const [at, bus] of buses.entries())
    bus.on({
      onEvent: (event) => events.push([`n${at + 1}`, event]),
      onQuery(query: Query) {
        queries.push(`n${at + 1} ${query.account} ${query.name} ${query.payload}`);
        bus.answer(query.id, { kind: "response", from: `client of n${at + 1}`, payload: Buffer.from("42") });
      },
    });
  const said = { account: "blue", name: "deploy", payload: Buffer.from([0, 255]), coalesce: true };
  first.fire(said);
  assert.deepEqual(
    events.sort(([a], [b]) => (a < b ? -1 : 1)),
    ["n1", "n2", "n3"].map((node) => [node, { ...said, lTime: 1 }]),
  );

  const asking = { account: "blue", name: "load", payload: Buffer.from("now"), timeoutMs: 20, wantsAck: true };
  const ask = async (nodes: readonly string[]): Promise<readonly string[]> => {
    const answers: Answer[] = [];
    await new Promise<void>((resolve) => {
      first.ask({ ...asking, nodes, tags: new Map() }, (answer) => answers.push(answer), resolve);
    });
    return answers.map(({ kind, from, payload }) => `${kind} ${from} ${payload}`.trim()).sort();
  };
  const of = (...nodes: readonly string[]) => [
    ...nodes.map((node) => `ack ${node}`),
    ...nodes.map((node) => `response client of ${node} 42`),
  ];
  assert.deepEqual(await ask([]), of("n1", "n2", "n3"));
  assert.deepEqual(
    queries.sort(),
    ["n1", "n2", "n3"].map((node) => `${node} blue load now`),
  );
  assert.deepEqual(await ask(["n2"]), of("n2"));
  for (const bus of buses) bus.close();
});
