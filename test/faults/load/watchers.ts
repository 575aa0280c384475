/** Clients that follow everything at one node, or at whichever is there, and go on where they were. */
import { get, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Node } from "../cluster.ts";
import { type Commit, isCommit } from "../history.ts";

export interface Watcher {
  readonly name: string;
  /** The revision of the last commit that came. */
  readonly last: number;
  /** What must not be: it was told to begin anew. */
  readonly lost: readonly string[];
  /** What came up to this revision, in that order, but for what was taken before. */
  take(revision: number): readonly Commit[];
}

const PAUSE_MS = 100;
const SILENT_MS = 20_000;

/** When anybody was first told of a commit. */
export class FirstSeen {
  readonly #atMs = new Map<number, number>();

  note(revision: number): void {
    if (!this.#atMs.has(revision)) this.#atMs.set(revision, performance.now());
  }

  at(revision: number): number | undefined {
    return this.#atMs.get(revision);
  }
}

export class Follower implements Watcher {
  readonly name: string;
  readonly lost: string[] = [];
  #commits: Commit[] = [];
  readonly #nodes: readonly Node[];
  readonly #firstSeen: FirstSeen;
  last = 0;
  #position = "0";
  #at = 0;
  #isOver = false;
  #incoming: IncomingMessage | undefined;

  /** Of more nodes it goes to the next one when one does not serve it. */
  constructor(name: string, nodes: readonly Node[], firstSeen: FirstSeen) {
    this.name = name;
    this.#nodes = nodes;
    this.#firstSeen = firstSeen;
    void this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const node = this.#nodes[this.#at++ % this.#nodes.length] as Node;
      if (!node.isDown) await this.#follow(node).catch(() => {});
      await delay(PAUSE_MS);
    }
  }

  #follow({ rollcall }: Node): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = { accept: "text/event-stream", "last-event-id": this.#position };
      const outgoing = get(`${rollcall.url}/v2/default/watch`, { headers, agent: false }, (incoming) => {
        this.#incoming = incoming;
        if (incoming.statusCode !== 200) this.lost.push(`${rollcall.url}: ${incoming.statusCode}`);
        incoming.setEncoding("utf8");
        let rest = "";
        incoming.on("data", (text: string) => {
          const blocks = (rest + text).split("\n\n");
          rest = blocks.pop() ?? "";
          for (const block of blocks) this.#take(block);
        });
        incoming.on("error", reject);
        incoming.on("close", resolve);
      });
      outgoing.setTimeout(SILENT_MS, () => outgoing.destroy(new Error("silent for long")));
      outgoing.on("error", reject);
    });
  }

  #take(block: string): void {
    const fields = new Map(
      block.split("\n").flatMap((line) => {
        const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        return name === undefined ? [] : [[name, value ?? ""] as const];
      }),
    );
    const event = fields.get("event");
    if (event === "resync") this.lost.push(`resync ${fields.get("data")}`);
    const id = fields.get("id");
    if (id !== undefined) this.#position = id;
    if (event !== "change") return;
    const commit: unknown = JSON.parse(fields.get("data") ?? "");
    if (!isCommit(commit)) throw new Error(`no commit: ${block}`);
    this.#commits.push(commit);
    this.last = commit.revision;
    this.#firstSeen.note(commit.revision);
  }

  take(revision: number): readonly Commit[] {
    const after = this.#commits.findIndex((commit) => commit.revision > revision);
    return this.#commits.splice(0, after < 0 ? this.#commits.length : after);
  }

  close(): void {
    this.#isOver = true;
    this.#incoming?.destroy();
  }
}
