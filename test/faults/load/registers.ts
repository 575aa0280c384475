/** Clients at all nodes that read, write and swap the same few keys, beside each other: for the judgement of their order. */
import type { Chance } from "../chance.ts";
import type { Node } from "../cluster.ts";
import type { RegisterOp, Seen } from "../linear/checker.ts";
import { call, fateOf, type Told } from "./call.ts";
import type { Gate } from "./gate.ts";

/** What a client saw, at which node. */
export type RegisterSeen = Seen<RegisterOp & { readonly node: string }>;

export interface Registers {
  readonly keys: readonly string[];
  /** Since the last call. */
  take(key: string): RegisterSeen[];
}

const KEYS = ["reg/a", "reg/b", "reg/c"];
const PAUSE_MS = 8;
const NEVER = Number.POSITIVE_INFINITY;

interface Found {
  readonly value: string | null;
  readonly told: Told;
}

export function startRegisters(gate: Gate, nodes: readonly Node[], chance: Chance): Registers {
  const seen = new Map<string, RegisterSeen[]>(KEYS.map((key) => [key, []]));
  let count = 0;
  const noteRead = (node: Node, key: string, { value, told: { calledMs, answeredMs } }: Found): void =>
    void seen.get(key)?.push({ op: { kind: "read", value, node: node.name }, calledMs, answeredMs });
  for (const node of nodes) {
    // One that never waits for a change of its own.
    gate.loop(
      () => chance.next() * 2 * PAUSE_MS,
      async () => {
        const key = chance.pick(KEYS);
        const found = await read(node, key);
        if (found !== undefined) noteRead(node, key, found);
      },
    );
    const last = new Map<string, string | null>();
    gate.loop(
      () => chance.next() * 2 * PAUSE_MS,
      async () => {
        const key = chance.pick(KEYS);
        const note = (op: RegisterOp, { calledMs }: Told, answeredMs: number): void =>
          void seen.get(key)?.push({ op: { ...op, node: node.name }, calledMs, answeredMs });
        const draw = chance.next();
        if (draw < 0.4) {
          const found = await read(node, key);
          if (found === undefined) return;
          last.set(key, found.value);
          return noteRead(node, key, found);
        }
        const from = last.get(key) ?? null;
        const value = `${node.name}:${++count}`;
        const told = draw < 0.65 ? await put(node, key, value) : await swap(node, key, from, value);
        const fate = fateOf(told);
        const isUnknown = fate === "unknown";
        if (fate === "not done") return;
        if (draw < 0.65) note({ kind: "write", value }, told, isUnknown ? NEVER : told.answeredMs);
        else if (isUnknown) note({ kind: "swap", from, to: value, isDone: undefined }, told, NEVER);
        else {
          const isDone = JSON.parse(told.text).succeeded === true;
          note({ kind: "swap", from, to: value, isDone }, told, told.answeredMs);
        }
      },
    );
  }
  return {
    keys: KEYS,
    take(key) {
      return seen.get(key)?.splice(0) ?? [];
    },
  };
}

/** After a barrier; undefined when there was no answer. */
export async function read(node: Node, key: string): Promise<Found | undefined> {
  const told = await call(node, { method: "GET", path: `/v2/default/config/${key}?current&raw` });
  if (told.status === 200) return { value: told.text, told };
  return told.status === 404 ? { value: null, told } : undefined;
}

function put(node: Node, key: string, value: string): Promise<Told> {
  return call(node, { method: "PUT", path: `/v2/default/config/${key}`, body: value });
}

function swap(node: Node, key: string, from: string | null, value: string): Promise<Told> {
  const guards = [from === null ? { key, exists: false } : { key, value: from }];
  const body = JSON.stringify({ guards, then: [{ put: { key, value } }] });
  return call(node, { method: "POST", path: "/v2/default/transactions", body });
}
