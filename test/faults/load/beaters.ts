/**
 * Instances of every dialect that are kept alive by heartbeats at whichever node hears them, and registered anew only when
 * they are told that they are gone. Some fall silent on purpose.
 */
import type { Chance } from "../chance.ts";
import type { Node } from "../cluster.ts";
import type { Told } from "./call.ts";
import { createKinds, type Kind } from "./dialects.ts";
import type { Gate } from "./gate.ts";

export interface Beat {
  readonly node: string;
  readonly told: Told;
  readonly said: "good" | "gone";
}

/** One life of an instance: from a registration on. */
export interface Life {
  readonly registered: Told;
  readonly node: string;
  readonly beats: Beat[];
}

export interface Beater {
  readonly id: string;
  readonly dialect: string;
  readonly ttlMs: number;
  /** Oldest first; the last one may go on. */
  readonly lives: Life[];
  /** When it fell silent for good. */
  silentMs: number | undefined;
}

export interface Beaters {
  readonly all: readonly Beater[];
  /** How many heartbeats were answered as good, by dialect. */
  readonly beats: Readonly<Record<string, number>>;
}

const BEAT_MS = 500;
const TIMEOUT_MS = 3000;

/** Fewer than ten, which protection would hold. */
const COUNTS: Readonly<Record<string, number>> = { http: 3, eureka: 2, rackspace: 1, skydns: 1 };

export function startBeaters(gate: Gate, nodes: readonly Node[], chance: Chance): Beaters {
  const all: Beater[] = [];
  const beats: Record<string, number> = {};
  const kinds = createKinds();
  const start = (kind: Kind, id: string, silentAfterMs: number): void => {
    const beater: Beater = { id, dialect: kind.dialect, ttlMs: kind.ttlMs, lives: [], silentMs: undefined };
    all.push(beater);
    const endMs = performance.now() + silentAfterMs;
    gate.loop(
      () => BEAT_MS * (0.7 + 0.6 * chance.next()),
      async () => {
        if (performance.now() > endMs) {
          beater.silentMs ??= performance.now();
          return;
        }
        if (await keepAlive(kind, beater, chance.shuffled(nodes))) beats[kind.dialect] = (beats[kind.dialect] ?? 0) + 1;
      },
    );
  };
  for (const kind of kinds)
    for (let nth = 0; nth < (COUNTS[kind.dialect] ?? 0); nth++)
      start(kind, `${kind.dialect}-${nth}`, Number.POSITIVE_INFINITY);
  let mortals = 0;
  // One at a time.
  gate.loop(
    () => 1000,
    async () => {
      const last = all.findLast(({ id }) => id.startsWith("mortal"));
      if (last?.silentMs !== undefined && performance.now() - last.silentMs < 8000) return;
      if (last === undefined || last.silentMs !== undefined)
        start(kinds[mortals % 2] as Kind, `mortal-${mortals++}`, 2000 + 4000 * chance.next());
    },
  );
  return { all, beats };
}

/** True for a heartbeat that was answered as good. The first node that says anything of use is believed. */
async function keepAlive(kind: Kind, beater: Beater, nodes: readonly Node[]): Promise<boolean> {
  const { id, lives } = beater;
  for (const node of nodes) {
    if (node.isDown) continue;
    const life = lives.at(-1);
    if (life === undefined || life.beats.at(-1)?.said === "gone") {
      const told = await kind.register(node, id, TIMEOUT_MS);
      if (told.status >= 200 && told.status < 300) {
        lives.push({ registered: told, node: node.name, beats: [] });
        return false;
      }
      continue;
    }
    const told = await kind.beat(node, id, TIMEOUT_MS);
    if (told.status !== 200 && told.status !== 404) continue;
    const said = told.status === 200 ? "good" : "gone";
    life.beats.push({ node: node.name, told, said });
    return said === "good";
  }
  return false;
}
