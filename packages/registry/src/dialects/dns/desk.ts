/** What the parts of the server share. */
import type { Logger } from "pino";
import type { Access, Clock, Registry } from "../../core/index.ts";
import type { Settings, TsigKey } from "./settings/model.ts";
import type { Message } from "./wire/message.ts";
import type { FileZone, World, Zone } from "./zone/model.ts";

/** Everything a handler may use. */
export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Settings;
  readonly zones: Zones;
  /** Looks at one revision; the world is good inside `use` only. */
  read<T>(use: (world: World) => T extends PromiseLike<unknown> ? never : T): T;
}

/** The zones there are: of accounts, which come and go, of files, and of other protocols. */
export interface Zones {
  /** All but the reverse ones; apex names, no order. */
  list(): readonly Zone[];
  /** Replaces what zone files say, all at once. */
  setFiles(files: readonly FileZone[]): void;
  /** After zones came or went, or a file changed: answers kept from before are worth nothing. Returns its cancel. */
  onChange(listener: () => void): () => void;
}

/** Who sent a message. */
export interface Asker {
  /** IPv4 also where it came in as `::ffff:a.b.c.d`. */
  readonly address: string;
  readonly port: number;
  readonly transport: "udp" | "tcp";
}

/** A message with its bytes and who signed it. */
export interface Asked {
  readonly packet: Buffer;
  readonly message: Message;
  readonly asker: Asker;
  /** The key that signed it, verified; undefined when it was not signed. */
  readonly key: TsigKey | undefined;
}
