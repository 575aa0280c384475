/** What carries words between nodes. */
import type { Outcome } from "../../core/index.ts";

/** Takes a message of the node of that name; what it returns answers a question. */
export type Receiver = (payload: Buffer, from: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface Network {
  /** The nodes that can be spoken to now. */
  readonly reached: readonly string[];
  /** False when it surely does not arrive; true promises nothing. */
  tell(node: string, channel: string, payload: Uint8Array): boolean;
  ask(node: string, channel: string, payload: Uint8Array): Promise<Outcome<Buffer>>;
  on(channel: string, receiver: Receiver): void;
  /** Calls when a node can be spoken to from now on. */
  onReached(listener: (node: string) => void): void;
  /** Where this node can be reached, `host:port`, as far as is known; else "". */
  readonly address: string;
  close(): void;
  /** Other nodes are there, at these addresses. */
  learn(nodes: ReadonlyMap<string, string>): void;
}
