/** Random lives of several nodes that gossip, and what must hold after them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Command } from "../../packages/registry/src/core/index.ts";
import { World } from "./gossip.ts";
import { register } from "./registry.ts";

/** One thing that happens. Nodes, instances, keys and leases are counted from 0, and taken modulo how many there are. */
export type Step =
  | {
      readonly do: "register";
      readonly node: number;
      readonly of: number;
      readonly life: number;
      readonly note: number;
    }
  | { readonly do: "join"; readonly node: number; readonly of: number; readonly lease: number }
  | { readonly do: "deregister" | "override" | "beat"; readonly node: number; readonly of: number }
  | { readonly do: "put"; readonly node: number; readonly of: number; readonly lease: number; readonly note: number }
  | { readonly do: "delete" | "grant" | "end"; readonly node: number; readonly of: number }
  | { readonly do: "restart" | "kill" | "wipe" | "start"; readonly node: number }
  | { readonly do: "clock"; readonly node: number; readonly ms: number }
  | { readonly do: "cut"; readonly sides: number }
  | { readonly do: "heal" }
  | { readonly do: "loss"; readonly percent: number }
  | { readonly do: "pass"; readonly ms: number };

export interface Life {
  readonly nodes: number;
  readonly seed: number;
  readonly steps: readonly Step[];
}

const small = fc.nat({ max: 6 });

function step(name: Step["do"], fields: Record<string, fc.Arbitrary<number>>): fc.Arbitrary<Step> {
  return fc.record({ do: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<Step>;
}

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: step("register", { node: small, of: small, life: fc.nat({ max: 2 }), note: small }) },
  { weight: 2, arbitrary: step("join", { node: small, of: small, lease: fc.nat({ max: 2 }) }) },
  { weight: 3, arbitrary: step("deregister", { node: small, of: small }) },
  { weight: 1, arbitrary: step("override", { node: small, of: small }) },
  { weight: 4, arbitrary: step("beat", { node: small, of: small }) },
  { weight: 5, arbitrary: step("put", { node: small, of: small, lease: fc.nat({ max: 5 }), note: small }) },
  { weight: 3, arbitrary: step("delete", { node: small, of: small }) },
  { weight: 2, arbitrary: step("grant", { node: small, of: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: step("end", { node: small, of: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: step("restart", { node: small }) },
  { weight: 1, arbitrary: step("kill", { node: small }) },
  { weight: 1, arbitrary: step("wipe", { node: small }) },
  { weight: 1, arbitrary: step("start", { node: small }) },
  { weight: 1, arbitrary: step("clock", { node: small, ms: fc.integer({ min: -60_000, max: 60_000 }) }) },
  { weight: 2, arbitrary: step("cut", { sides: fc.nat({ max: 127 }) }) },
  { weight: 1, arbitrary: step("heal", {}) },
  { weight: 1, arbitrary: step("loss", { percent: fc.nat({ max: 60 }) }) },
  { weight: 6, arbitrary: step("pass", { ms: fc.integer({ min: 200, max: 4000 }) }) },
  { weight: 1, arbitrary: step("pass", { ms: fc.integer({ min: 10_000, max: 20_000 }) }) },
);

export const LIFE: fc.Arbitrary<Life> = fc.record({
  nodes: fc.integer({ min: 3, max: 7 }),
  seed: fc.nat(),
  steps: fc.array(STEP, { minLength: 1, maxLength: 30 }),
});

const TTLS = [2000, 6000];
/** Longer than a node is believed to be there, and the longest ttl after it. */
const QUIET_MS = 20_000;

function commandOf(one: Step): Command | undefined {
  switch (one.do) {
    case "register": {
      const ttlMs = TTLS[one.life];
      const life = ttlMs === undefined ? "permanent" : { ttlMs };
      return register("s", `i${one.of}`, life, { meta: { note: String(one.note) } });
    }
    case "join":
      return register("s", `i${one.of}`, { lease: `l${one.lease}` });
    case "deregister":
      return { kind: "deregister", instance: { service: "s", id: `i${one.of}` } };
    case "override":
      return { kind: "override", instance: { service: "s", id: `i${one.of}` }, status: "draining" };
    case "put": {
      const lease = one.lease < 3 ? `l${one.lease}` : null;
      return {
        kind: "put",
        key: `k/${one.of}`,
        value: String(one.note),
        lease,
        atEnd: one.note % 2 ? "detach" : "delete",
      };
    }
    case "delete":
      return { kind: "delete", from: `k/${one.of}` };
    case "grant":
      return { kind: "grant", lease: `l${one.of}`, ttlMs: 5000, via: "test" };
    case "end":
      return { kind: "end", lease: `l${one.of}`, cause: "closed" };
    default:
      return undefined;
  }
}

async function take(world: World, one: Step): Promise<void> {
  const name = "node" in one ? (world.names[one.node % world.names.length] as string) : "";
  const node = world.running.get(name);
  const command = commandOf(one);
  if (command !== undefined) {
    void node?.core.registry.propose("default", command);
    return world.settle();
  }
  switch (one.do) {
    case "beat":
      void node?.core.registry.renewMany("default", [`s/i${one.of}`, `l${one.of % 3}`]);
      return world.settle();
    case "restart":
    case "kill":
    case "wipe":
      world.kill(name, one.do === "wipe");
      return one.do === "restart" ? world.start(name) : undefined;
    case "start":
      return world.start(name);
    case "clock":
      return world.setClock(name, one.ms);
    case "cut":
      return world.cut((nth) => (one.sides >> nth) & 1);
    case "heal":
      return world.heal();
    case "loss":
      world.loss = one.percent / 100;
      return;
    case "pass":
      return world.pass(one.ms);
  }
}

/** Lives it, mends everything, and sees that all nodes have the same, and nothing that nobody keeps alive. */
export async function live({ nodes, seed, steps }: Life): Promise<void> {
  const world = new World(nodes, seed);
  for (const name of world.names) await world.start(name);
  await world.pass(400);
  for (const one of steps) await take(world, one);
  world.loss = 0;
  world.heal();
  for (const name of world.names) await world.start(name);
  await world.pass(QUIET_MS);
  assert.deepEqual(world.differences(), []);
  const timed = [...world.picture("n0").values()].filter(
    (unit) => unit.kind === "lease" || (unit.kind === "instance" && unit.record.lease !== null),
  );
  assert.deepEqual(timed, [], "what nobody keeps alive is gone");
  await world.close();
}
