/** @live User events and queries: to all clients of all nodes, and kept by nobody. */
import type { Account, Clock, Nodes } from "../../../core/index.ts";
import { bytesOf, type Fields, flagOf, isMap, numberOf, textMapOf, textOf, textsOf } from "../wire/frames.ts";
import { read, type Write, write } from "../wire/msgpack.ts";

export interface UserEvent {
  readonly account: Account;
  readonly lTime: number;
  readonly name: string;
  readonly payload: Buffer;
  readonly coalesce: boolean;
}

export interface Query {
  /** Unlike that of any other query on any node. */
  readonly id: string;
  readonly account: Account;
  readonly lTime: number;
  readonly name: string;
  readonly payload: Buffer;
  readonly timeoutMs: number;
  readonly wantsAck: boolean;
  /** The nodes that are asked; all when there is none. */
  readonly nodes: readonly string[];
  readonly tags: ReadonlyMap<string, string>;
}

export type Asking = Omit<Query, "id" | "lTime">;
export type Answer = { readonly kind: "ack" | "response"; readonly from: string; readonly payload: Buffer };

/** A client's side. A query is delivered with its end, in ms of the monotonic clock. */
export interface Listener {
  onEvent(event: UserEvent): void;
  onQuery(query: Query, untilMs: number): void;
  /** A member that failed is given up at another node; see `Members.giveUp`. */
  onGivenUp?(account: Account, name: string, prune: boolean): void;
}

const CHANNEL = "serf/bus";
/** Queries that are not over, of all clients of this node. */
const QUERIES_MAX = 10_000;

export class Bus {
  readonly #nodes: Nodes;
  readonly #clock: Clock;
  readonly #node: string;
  readonly #listeners = new Set<Listener>();
  readonly #asked = new Map<string, { readonly onAnswer: (answer: Answer) => void; readonly timer: NodeJS.Timeout }>();
  readonly #stop: () => void;
  /** Counts events and queries as Lamport's clocks do. */
  #lTime = 0;
  #queries = 0;

  constructor(nodes: Nodes, clock: Clock, node: string) {
    this.#nodes = nodes;
    this.#clock = clock;
    this.#node = node;
    this.#stop = nodes.on(CHANNEL, (bytes) => this.#receive(Buffer.from(bytes)));
  }

  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  fire(event: Omit<UserEvent, "lTime">): void {
    const timed = { ...event, lTime: ++this.#lTime };
    this.#send({ Kind: "event", ...toFields(timed), Coalesce: timed.coalesce });
    this.#tellEvent(timed);
  }

  /** Answers come until the time is over, and then `onDone`. Undefined when too many are under way; else what ends it early. */
  ask(asking: Asking, onAnswer: (answer: Answer) => void, onDone: () => void): (() => void) | undefined {
    if (this.#asked.size >= QUERIES_MAX) return undefined;
    const id = `${this.#node}/${++this.#queries}`;
    const query: Query = { ...asking, id, lTime: ++this.#lTime };
    const timer = setTimeout(() => {
      this.#asked.delete(id);
      onDone();
    }, query.timeoutMs);
    this.#asked.set(id, { onAnswer, timer });
    this.#send({
      Kind: "query",
      ...toFields(query),
      Id: id,
      TimeoutMs: query.timeoutMs,
      Ack: query.wantsAck,
      Nodes: query.nodes,
      Tags: Object.fromEntries(query.tags),
    });
    this.#tellQuery(query);
    return () => {
      clearTimeout(timer);
      this.#asked.delete(id);
    };
  }

  /** To who asked, wherever that is. */
  answer(id: string, answer: Answer): void {
    const asked = this.#asked.get(id);
    if (asked !== undefined) asked.onAnswer(answer);
    else this.#send({ Kind: answer.kind, Id: id, From: answer.from, Payload: answer.payload });
  }

  /** To the other nodes: each remembers by itself who failed. */
  giveUp(account: Account, name: string, prune: boolean): void {
    this.#send({ Kind: "give-up", Account: account, Name: name, Prune: prune });
  }

  close(): void {
    this.#stop();
    for (const { timer } of this.#asked.values()) clearTimeout(timer);
    this.#asked.clear();
    this.#listeners.clear();
  }

  #send(fields: Write): void {
    this.#nodes.broadcast(CHANNEL, write(fields));
  }

  #receive(bytes: Buffer): void {
    const found = read(bytes, 0);
    if (typeof found !== "object" || !isMap(found.value)) return;
    const fields = found.value;
    const kind = textOf(fields, "Kind");
    if (kind === "ack" || kind === "response") {
      const answer = { kind, from: textOf(fields, "From"), payload: bytesOf(fields, "Payload") } as const;
      this.#asked.get(textOf(fields, "Id"))?.onAnswer(answer);
      return;
    }
    if (kind === "give-up") {
      const [account, name, prune] = [textOf(fields, "Account"), textOf(fields, "Name"), flagOf(fields, "Prune")];
      for (const listener of this.#listeners) listener.onGivenUp?.(account, name, prune);
      return;
    }
    const said = fromFields(fields);
    this.#lTime = Math.max(this.#lTime, said.lTime);
    if (kind === "event") this.#tellEvent({ ...said, coalesce: flagOf(fields, "Coalesce") });
    else if (kind === "query")
      this.#tellQuery({
        ...said,
        id: textOf(fields, "Id"),
        timeoutMs: numberOf(fields, "TimeoutMs"),
        wantsAck: flagOf(fields, "Ack"),
        nodes: textsOf(fields, "Nodes"),
        tags: textMapOf(fields, "Tags"),
      });
  }

  #tellEvent(event: UserEvent): void {
    for (const listener of this.#listeners) listener.onEvent(event);
  }

  /** A node says that it has the query, as an agent does whether anybody answers there or not. */
  #tellQuery(query: Query): void {
    // Serf's filters are for agents: this node is one, without tags.
    if (query.nodes.length > 0 && !query.nodes.includes(this.#node)) return;
    if ([...query.tags.values()].some((expression) => expression !== "")) return;
    const untilMs = this.#clock.monotonic() + query.timeoutMs;
    if (query.wantsAck) this.answer(query.id, { kind: "ack", from: this.#node, payload: Buffer.alloc(0) });
    for (const listener of this.#listeners) listener.onQuery(query, untilMs);
  }
}

function toFields({ account, lTime, name, payload }: Pick<Query, "account" | "lTime" | "name" | "payload">) {
  return { Account: account, LTime: lTime, Name: name, Payload: payload };
}

function fromFields(fields: Fields): Pick<Query, "account" | "lTime" | "name" | "payload"> {
  return {
    account: textOf(fields, "Account"),
    lTime: numberOf(fields, "LTime"),
    name: textOf(fields, "Name"),
    payload: bytesOf(fields, "Payload"),
  };
}
