/** @live An instance as an ephemeral node: what Nerve's reporters of type `zookeeper` do. */
import type { RegisterSpec } from "@rollcall/client";
import type { Registrar, Reported } from "../local/speaker.ts";
import { nameFor, writeNode } from "./nodes.ts";
import { Refused, type Session } from "./session.ts";
import { CODE, create, FLAG, look, OP, type Reader, remove, setData } from "./wire.ts";

const RETRY_MS = 1000;

/** `encodes`: what a node says stands in its name. */
export function reporterAt(session: Session, path: string, encodes: boolean): Registrar {
  return {
    async register(spec) {
      return new Node(session, path, encodes, spec);
    },
    // Ends with its session, or was ended by its own word.
    deregister: async () => false,
  };
}

class Node implements Reported {
  readonly #session: Session;
  readonly #path: string;
  readonly #encodes: boolean;
  readonly #end: () => void;
  #spec: RegisterSpec;
  /** The node of this session. */
  #own: string | undefined;
  #isGone = false;
  #isDirty = false;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(session: Session, path: string, encodes: boolean, spec: RegisterSpec) {
    this.#session = session;
    this.#path = path;
    this.#encodes = encodes;
    this.#spec = spec;
    this.#end = session.listen({
      onUp: () => {
        this.#own = undefined;
        void this.#work();
      },
      onEvent: () => {},
    });
  }

  async update(spec: RegisterSpec): Promise<void> {
    this.#spec = spec;
    await this.#work();
  }

  async close(): Promise<void> {
    this.#isGone = true;
    this.#end();
    await this.#work();
    clearTimeout(this.#timer);
  }

  #work(): Promise<void> {
    this.#isDirty = true;
    this.#working ??= this.#workAll();
    return this.#working;
  }

  /** What cannot be said now is said when the session is up again, or a little later. */
  async #workAll(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      clearTimeout(this.#timer);
      if (!this.#session.isUp) break;
      await this.#bring().catch(() => {
        this.#own = undefined;
        if (!this.#isGone) this.#timer = setTimeout(() => void this.#work(), RETRY_MS).unref();
      });
    }
    this.#working = undefined;
  }

  async #bring(): Promise<void> {
    const data = writeNode(this.#spec);
    this.#own ??= await this.#find();
    const isRight =
      this.#own !== undefined && (!this.#encodes || this.#own.includes(nameFor(this.#spec.id, data, true)));
    if (this.#own !== undefined && (this.#isGone || !isRight)) {
      await this.#session.ask(OP.delete, remove(this.#own)).catch(unless(CODE.noNode));
      this.#own = undefined;
    }
    if (this.#isGone) return;
    if (this.#own === undefined) this.#own = await this.#make(data);
    else if (!this.#encodes) await this.#session.ask(OP.setData, setData(this.#own, data));
  }

  /** That of this session, made before its connection was lost, whoever heard of it. */
  async #find(): Promise<string | undefined> {
    const { id } = this.#spec;
    const children = await this.#session.ask(OP.getChildren, look(this.#path, false)).catch(unless(CODE.noNode));
    for (const name of children?.texts() ?? []) {
      if (!name.startsWith(this.#encodes ? "base64_" : `${id}_`)) continue;
      const place = `${this.#path}/${name}`;
      const answer = await this.#session.ask(OP.getData, look(place, false)).catch(unless(CODE.noNode));
      if (answer === undefined) continue;
      const data = answer.bytes();
      if (ownerIn(answer) === this.#session.id && isOf(id, data)) return place;
    }
    return undefined;
  }

  async #make(data: Buffer): Promise<string> {
    const body = create(
      `${this.#path}/${nameFor(this.#spec.id, data, this.#encodes)}`,
      data,
      FLAG.ephemeral | FLAG.sequential,
    );
    for (;;) {
      const made = await this.#session.ask(OP.create, body).catch(unless(CODE.noNode));
      if (made !== undefined) return made.text();
      await this.#makeFolders();
    }
  }

  async #makeFolders(): Promise<void> {
    const parts = this.#path.split("/").filter((part) => part !== "");
    for (let count = 1; count <= parts.length; count++) {
      const folder = `/${parts.slice(0, count).join("/")}`;
      await this.#session.ask(OP.create, create(folder, Buffer.alloc(0), 0)).catch(unless(CODE.exists));
    }
  }
}

function unless(code: number): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof Refused && error.code === code) return undefined;
    throw error;
  };
}

/** Behind a node's data stands its `Stat`: the session that it lives by is the eighth number. */
function ownerIn(answer: Reader): bigint {
  for (let times = 0; times < 4; times++) answer.long();
  for (let versions = 0; versions < 3; versions++) answer.int();
  return answer.long();
}

function isOf(id: string, data: Buffer): boolean {
  try {
    return (JSON.parse(data.toString("utf8")) as { name?: unknown }).name === id;
  } catch {
    return false;
  }
}
