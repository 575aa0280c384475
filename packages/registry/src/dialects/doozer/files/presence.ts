/** @live The nodes of the registry tell each other where Doozer's clients reach them. */
import type { Clock, Nodes } from "../../../core/index.ts";

const CHANNEL = "doozer/presence";
const TELL_MS = 5000;
/** Who is not heard of for so long is left out. */
const FRESH_MS = 3 * TELL_MS + 1000;
const NODES_MAX = 64;
const TEXT_LENGTH_MAX = 512;

export class Presence {
  readonly #parts: { readonly nodes: Nodes; readonly clock: Clock };
  readonly #heard = new Map<string, { readonly address: string; readonly atMs: number }>();
  readonly #closers: (() => void)[] = [];

  constructor(nodes: Nodes, clock: Clock) {
    this.#parts = { nodes, clock };
  }

  /** From now on says where this one is, and listens. */
  begin(id: string, address: () => string): void {
    const { nodes, clock } = this.#parts;
    const tell = (): void => nodes.broadcast(CHANNEL, Buffer.from(JSON.stringify([id, address()]), "utf8"));
    const timer = setInterval(tell, TELL_MS);
    timer.unref();
    this.#closers.push(
      () => clearInterval(timer),
      nodes.on(CHANNEL, (bytes) => {
        const said = read(bytes);
        if (said === undefined || said[0] === id) return;
        // One that is new learns of this one at once.
        if (!this.#heard.has(said[0])) tell();
        if (this.#heard.size < NODES_MAX || this.#heard.has(said[0]))
          this.#heard.set(said[0], { address: said[1], atMs: clock.monotonic() });
      }),
    );
    tell();
  }

  *others(): Iterable<readonly [id: string, address: string]> {
    const nowMs = this.#parts.clock.monotonic();
    for (const [id, { address, atMs }] of this.#heard) {
      if (nowMs - atMs <= FRESH_MS) yield [id, address];
      else this.#heard.delete(id);
    }
  }

  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }
}

function read(bytes: Uint8Array): readonly [string, string] | undefined {
  if (bytes.length > 2 * TEXT_LENGTH_MAX) return undefined;
  const raw: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  const [id, address] = Array.isArray(raw) ? (raw as unknown[]) : [];
  return typeof id === "string" && /^[A-Za-z0-9.-]+$/.test(id) && typeof address === "string"
    ? [id, address]
    : undefined;
}
