/**
 * What the programs of a test stand on: places with an address each, and ways between them that can be cut, one way or
 * both, and slowed. Network namespaces where the machine allows them, so that packets are lost without a word; else relays
 * on loopback, which hold back what they are given.
 */
import type { Scope } from "../../harness/scope.ts";
import { canNamespace, openNamespaces } from "./namespaces.ts";
import { openRelays } from "./relays.ts";

export interface Place {
  readonly name: string;
  readonly address: string;
  /** What a program is started behind to be in this place. */
  readonly prefix: readonly string[];
}

export interface Ground {
  readonly kind: "namespaces" | "relays";
  /** How ways are slowed: for people. */
  readonly slowness: string;
  place(name: string): Promise<Place>;
  /** Where `from` finds what listens at this port of `to`. */
  way(from: Place, to: Place, port: number): Promise<{ readonly host: string; readonly port: number }>;
  /** From now on nothing that `from` sends reaches `to`. */
  cut(from: Place, to: Place): Promise<void>;
  /** All that this place sends takes long. */
  slow(place: Place): Promise<void>;
  /** All ways are as they were. */
  mend(): Promise<void>;
}

export function openGround(scope: Scope): Promise<Ground> {
  return canNamespace() ? openNamespaces(scope) : openRelays(scope);
}
