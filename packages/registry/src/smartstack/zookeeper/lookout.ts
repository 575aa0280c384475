/** @live The instances below a node, as they come and go: what Synapse's watchers of type `zookeeper` do. */
import type { Found } from "../watched/backends.ts";
import { dataInName, newestOf, readNode } from "./nodes.ts";
import { Refused, type Session } from "./session.ts";
import { CODE, look, OP } from "./wire.ts";

export class Lookout {
  readonly #session: Session;
  readonly #path: string;
  readonly #tell: (found: readonly Found[]) => void;
  readonly #end: () => void;
  /** What each node said, while its watch holds; null for one that is no instance. */
  readonly #known = new Map<string, Found | null>();
  #isDirty = false;
  #isReading = false;
  #isClosed = false;

  /** `tell`: all of them, whenever one changed; not called before they were read. */
  constructor(session: Session, path: string, tell: (found: readonly Found[]) => void) {
    this.#session = session;
    this.#path = path;
    this.#tell = tell;
    this.#end = session.listen({
      onUp: () => {
        this.#known.clear();
        void this.#read();
      },
      onEvent: (changed) => {
        if (changed !== path && !changed.startsWith(`${path}/`)) return;
        this.#known.delete(changed.slice(path.length + 1));
        void this.#read();
      },
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  /** A connection that is lost reads nothing; the next one begins anew. */
  async #read(): Promise<void> {
    this.#isDirty = true;
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#isDirty && !this.#isClosed) {
      this.#isDirty = false;
      const found = await this.#readOnce().catch(() => undefined);
      if (found !== undefined && !this.#isClosed) this.#tell(found);
    }
    this.#isReading = false;
  }

  async #readOnce(): Promise<readonly Found[]> {
    const names = await this.#children();
    for (const name of this.#known.keys()) if (!names.includes(name)) this.#known.delete(name);
    const read = await Promise.all(names.map((name) => this.#readNode(name)));
    return newestOf(read.filter((one): one is Found => one !== null));
  }

  async #children(): Promise<readonly string[]> {
    try {
      return (await this.#session.ask(OP.getChildren, look(this.#path, true))).texts();
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Told when it is made.
      const isThere = await this.#session.ask(OP.exists, look(this.#path, true)).then(
        () => true,
        () => false,
      );
      this.#isDirty ||= isThere;
      return [];
    }
  }

  /** One that went since it was listed is none. */
  async #readNode(name: string): Promise<Found | null> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const inName = dataInName(name);
    try {
      const data = inName ?? (await this.#session.ask(OP.getData, look(`${this.#path}/${name}`, true))).bytes();
      const found = readNode(name, data) ?? null;
      this.#known.set(name, found);
      return found;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Refused && error.code === CODE.noNode;
}
