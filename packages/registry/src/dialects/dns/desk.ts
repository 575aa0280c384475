/** What handlers share. */
import type { Logger } from "pino";
import type { Access, Clock, Nodes, Registry } from "../../core/index.ts";
import type { Settings, TsigKey } from "./settings/model.ts";
import type { Message } from "./wire/message.ts";
import type { Ground } from "./zone/ground.ts";
import type { World, Zones } from "./zone/model.ts";

/** Everything a handler may use. */
export interface Desk {
  readonly registry: Registry;
  readonly nodes: Nodes;
  /** The name of this one. */
  readonly node: string;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Settings;
  readonly zones: Zones;
  /** Looks at the world at one revision; it is good inside of `use` only. */
  read<T>(use: (world: World) => T extends PromiseLike<unknown> ? never : T): T;
  /** What lookups need besides the catalog, as it is now. */
  ground(): Ground;
  /** Hashes of the zone files that are good, by origin: all nodes must have the same. */
  tellFiles(hashes: ReadonlyMap<string, string>): void;
  /** The node whose zones the serials speak of, when ours are others: see `otherShape`. */
  otherShape(): string | undefined;
}

/** Who sent a message. */
export interface Asker {
  /** IPv4 also if it came in as `::ffff:a.b.c.d`. */
  readonly address: string;
  readonly port: number;
  readonly transport: "udp" | "tcp";
}

/** A message with its bytes, its sender, and the key that signed it. */
export interface Asked {
  readonly packet: Buffer;
  readonly message: Message;
  readonly asker: Asker;
  /** Verified; undefined when the message is not signed. */
  readonly key: TsigKey | undefined;
}
