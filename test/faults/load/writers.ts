/** Clients that write keys, one or two at a time, each its own: what they were told is what must be found. */
import type { Chance } from "../chance.ts";
import type { Node } from "../cluster.ts";
import { call, type Fate, fateOf, type Told } from "./call.ts";
import type { Gate } from "./gate.ts";

/** A change as its client knows it. Each value is written once. */
export interface Write {
  readonly value: string;
  /** Written together, with one value. */
  readonly keys: readonly string[];
  readonly node: string;
  readonly fate: Fate;
  /** When it is done. */
  readonly revision: number;
  readonly told: Told;
}

export interface Writers {
  readonly writes: Write[];
}

const KEYS_EACH = 4;
const PAUSE_MS = 15;

export function startWriters(gate: Gate, nodes: readonly Node[], chance: Chance): Writers {
  const writes: Write[] = [];
  let count = 0;
  for (const node of nodes)
    for (const nth of [0, 1]) {
      const own = Array.from({ length: KEYS_EACH }, (_, key) => `w/${node.name}-${nth}/${key}`);
      gate.loop(
        () => chance.next() * 2 * PAUSE_MS,
        async () => {
          const value = `${node.name}-${nth}-${++count}`;
          const keys = chance.next() < 0.5 ? [chance.pick(own)] : chance.shuffled(own).slice(0, 2);
          writes.push(await write(node, keys, value));
        },
      );
    }
  return { writes };
}

async function write(node: Node, keys: readonly string[], value: string): Promise<Write> {
  const [first] = keys;
  const told = await (keys.length === 1
    ? call(node, { method: "PUT", path: `/v2/default/config/${first}`, body: value })
    : call(node, {
        method: "POST",
        path: "/v2/default/transactions",
        body: JSON.stringify({ then: keys.map((key) => ({ put: { key, value } })) }),
      }));
  const fate = fateOf(told);
  const revision = fate === "done" ? Number(JSON.parse(told.text).revision) : 0;
  return { value, keys, node: node.name, fate, revision, told };
}
