/**
 * @live Several nodes over one etcd: it holds a log of groups and agrees on their order, each node holds the catalog. A
 * group is one transaction, guarded by the end of the order; every node applies all groups as it hears of them.
 * @rooms replicator > numbers > about > upkeep > history > forward > log > load > members > peers > memory > client > keys > refused
 */
import type { Logger } from "pino";
import {
  type Account,
  type Clock,
  type Cluster,
  type Command,
  type Commit,
  type FirstChanges,
  type InstanceKey,
  type KeyRange,
  type Nodes,
  type Outcome,
  ok,
  type Receipt,
  type Replicator,
  type Revision,
  type Rules,
  refuse,
  Sequencer,
  type Sink,
} from "../../core/index.ts";
import type { RetentionLimits } from "../../records/ageing.ts";
import { About } from "./about/about.ts";
import { explainCall, Health } from "./about/health.ts";
import { sayFailure } from "./client/channel.ts";
import { Client, type ClientOptions } from "./client/client.ts";
import type { WatchEvent } from "./client/messages.ts";
import { Shared } from "./client/shared.ts";
import { connect, type Others } from "./forward/others.ts";
import { PastIndex } from "./history/past-index.ts";
import { Keys, readFloor } from "./keys.ts";
import { begin, type Head, judgeHead, type Loaded, load, readHead } from "./load.ts";
import { Appender } from "./log/appender.ts";
import { raiseFloor } from "./log/floor.ts";
import { Follower } from "./log/follower.ts";
import { type Group, LogReader } from "./log/reader.ts";
import { Members } from "./members.ts";
import { knownFile, Memory, readKnown } from "./memory.ts";
import { Numbers } from "./numbers.ts";
import { type LinkPort, Roster } from "./peers/roster.ts";
import { type Damaged, EtcdRefused, Missed } from "./refused.ts";
import { LostDuty, Upkeep } from "./upkeep.ts";

export interface EtcdOptions extends ClientOptions {
  /** What all keys in etcd begin with. */
  readonly prefix: string;
  /** For the little that this node remembers by itself. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly rules: Rules;
  /** This node's name; no other one may have it. */
  readonly origin: string;
  /** How nodes speak to each other. Left out, each decides for itself, and keeps only what it granted. */
  readonly link?: LinkPort;
  readonly retention?: Partial<RetentionLimits>;
  /** How long changes wait for an etcd that does not answer. */
  readonly patienceMs?: number;
  readonly log?: Pick<Logger, "info" | "warn" | "error">;
  onGroup?(commits: number, ms: number): void;
  /** What is in etcd is not what this node knew: the process has to end. */
  onBroken?(why: string): void;
}

export interface EtcdReplicator extends Replicator {
  /** Why writes are refused; null while they are not. */
  readonly refusing: string | null;
  readonly about: About;
}

const RETENTION_DEFAULT: RetentionLimits = { ageMs: 30 * 24 * 3600 * 1000, bytesMax: 256 * 1024 ** 2 };
const PATIENCE_MS = 10_000;
interface Parts {
  readonly sequencer: Sequencer;
  readonly appender: Appender;
  readonly follower: Follower;
  readonly members: Members;
  readonly upkeep: Upkeep;
  readonly index: PastIndex;
  readonly others: Others;
  readonly numbers: Numbers;
}

class Etcd implements EtcdReplicator {
  readonly name = "etcd";
  readonly order = "total";
  line = "";
  floor: Revision = 0;
  readonly #options: EtcdOptions;
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #reader: LogReader;
  readonly #health: Health;
  readonly about: About;
  #parts: Parts | null = null;
  #sink: Sink | null = null;
  /** The end of the order as it is known here. */
  #known: Revision = 0;
  #topRevision = 0;
  #topGroup = "";
  #broken: string | null = null;
  readonly #memory: Memory;
  readonly #top: Shared<Outcome<Revision>>;

  constructor(options: EtcdOptions) {
    this.#options = options;
    this.#client = new Client(options);
    this.#keys = new Keys(options.prefix);
    this.#reader = new LogReader(this.#client, this.#keys);
    const { clock, log, patienceMs = PATIENCE_MS } = options;
    const [client, keys] = [this.#client, this.#keys];
    this.#health = new Health({ client, keys, clock, log, patienceMs, known: () => this.#known });
    this.about = new About(client, keys, this.#health);
    this.#top = new Shared(() => this.#readTop());
    this.#memory = new Memory(
      options.dataDir,
      () => (this.#broken === null ? { line: this.line, revision: this.#known } : null),
      (error) => this.#health.told("remembering the order", error),
    );
  }

  async open(sink: Sink): Promise<void> {
    try {
      const loaded = await this.#load();
      this.#known = loaded.restored.revision;
      this.line = loaded.line;
      this.#take(loaded);
      this.#sink = sink;
      sink.restore(loaded.restored);
      this.#parts = this.#build(sink, loaded);
      await this.#parts.members.join();
      this.#parts.follower.start();
      this.#parts.upkeep.start();
      this.#parts.numbers.start();
      this.#memory.start();
      this.#health.start();
    } catch (error) {
      this.#client.close();
      throw new EtcdRefused(
        `the registry in etcd (${this.#options.endpoints.join(", ")}) cannot be used: ${sayFailure(error)}`,
        { cause: error },
      );
    }
  }

  async #load(): Promise<Loaded> {
    const { dataDir, clock } = this.#options;
    const known = readKnown(dataDir);
    let head = await readHead(this.#client, this.#keys);
    if (!head.ok && known === null) {
      await begin(this.#client, this.#keys, clock.now());
      head = await readHead(this.#client, this.#keys);
    }
    const refused = known === null ? undefined : judgeHead(head, known.line, known.revision);
    if (refused !== undefined)
      throw new EtcdRefused(
        `${refused.message}. If that is as it should be, remove ${knownFile(dataDir)} and start again`,
      );
    if (!head.ok) throw new EtcdRefused(head.detail);
    return load(this.#client, this.#keys, this.#reader, head.value);
  }

  #take({ top, topRevision }: Pick<Head, "top" | "topRevision">): void {
    this.#topRevision = topRevision;
    this.#topGroup = top.group;
  }

  #build(sink: Sink, loaded: Loaded): Parts {
    const { clock, rules, origin: name, onGroup, retention, log, link, patienceMs = PATIENCE_MS } = this.#options;
    const shared = { client: this.#client, keys: this.#keys, reader: this.#reader, known: () => this.#known };
    this.floor = loaded.restored.floor;
    const index = new PastIndex(this.floor, this.#known, (from) => this.#reader.groupsWith(from));
    const appender = new Appender({
      ...shared,
      patienceMs,
      end: () => ({ topRevision: this.#topRevision, group: this.#topGroup }),
      guards: (made) => others.guards(made),
      sent: (made, commits) => others.sent(made, commits),
      delivered: (group) => this.#note(group),
      tried: (error, waitedMs) => this.#health.tried(error, waitedMs),
    });
    const roster = new Roster(link?.link, name);
    const members = this.#buildMembers(sink, loaded, roster);
    const follower = new Follower(
      {
        ...shared,
        line: loaded.line,
        group: (group) => this.#hear(group),
        event: (event) => this.#event(event),
        resync: (head, isMissing) => this.#resync(head, isMissing),
        state: (error) => this.#health.told("following the order in etcd", error),
        broken: (error) => this.#end(error),
      },
      loaded.revision,
    );
    const upkeep = new Upkeep({
      ...shared,
      clock,
      view: sink.view,
      members,
      index,
      limits: { ...RETENTION_DEFAULT, ...retention },
      etcdRevision: () => follower.revision,
      floor: () => this.floor,
      failed: (error) => {
        if (!(error instanceof LostDuty)) log?.warn({ err: error }, "the upkeep of etcd failed; it is tried again");
      },
    });
    const sequencer = new Sequencer({
      sink,
      clock,
      rules,
      origin: name,
      last: loaded.restored,
      explain: (error) => this.#broken ?? explainCall(error),
      confirms: true,
      wait: (ms, run) => void setTimeout(run, ms),
      isKeeper: (account, lease, keeper) => members.isKeeper(account, lease, keeper),
      refusesSender: (sender) => others.refuses(sender),
      append: (commits, settle, made) => appender.append(commits, settle, made),
      ...(onGroup === undefined ? {} : { onGroup }),
    });
    const others = connect({
      ...{ ...shared, name, members, roster, link: link?.link, sink, patienceMs },
      handed: (revision) => follower.reached(revision),
      refusing: () => this.refusing !== null,
      propose: (...proposal) => sequencer.propose(...proposal),
    });
    const [health, kept] = [this.#health, () => sink.kept];
    const numbers = new Numbers({ ...shared, name, clock, log, members, roster, health, kept });
    return { sequencer, appender, follower, members, upkeep, index, others, numbers };
  }

  #buildMembers({ view }: Sink, { nodes, holder }: Loaded, roster: Roster): Members {
    const { clock, origin: name, link } = this.#options;
    const address = link && { host: link.host, port: link.port };
    const state = (error: unknown): void => this.#health.told("this node's place among the nodes", error);
    const parts = { client: this.#client, keys: this.#keys, name, clock, view, roster, address, state };
    return new Members(parts, nodes, holder);
  }

  get keeping(): Members {
    return this.#open().members;
  }

  cluster(): Cluster {
    return this.#open().numbers.cluster;
  }

  get nodes(): Nodes {
    return this.#open().members.nodes;
  }

  /** A group of any node, the next in the order. */
  #hear(group: Group): void {
    if (group.first <= this.#known) return;
    const { appender, sequencer, others } = this.#open();
    if (group.after !== this.#topGroup) throw new Missed("groups are missing");
    if (appender.isDelivered(group.id, group.modRevision)) return;
    appender.passed();
    this.#note(group);
    sequencer.foreign(group.commits);
    others.heard(group);
  }

  #note(group: Pick<Group, "id" | "commits" | "bytes" | "parts" | "modRevision">): void {
    const { index, upkeep, others } = this.#open();
    this.#known = (group.commits.at(-1) as Commit).revision;
    others.shows(this.#known);
    this.#topRevision = group.modRevision;
    this.#topGroup = group.id;
    index.note(group);
    upkeep.note(group.commits, group.bytes);
  }

  #event(event: WatchEvent): void {
    if (event.key.equals(this.#keys.floor)) {
      if (!event.isDelete) this.floor = Math.max(this.floor, readFloor(event.value));
    } else this.#open().members.take(event);
  }

  /** Etcd had forgotten what this node lacked: it has read the log, or lacks groups that are gone from there, too. */
  async #resync(head: Head, isMissing: boolean): Promise<void> {
    const { members, sequencer, appender, index, others } = this.#open();
    if (isMissing) {
      const loaded = await load(this.#client, this.#keys, this.#reader, head);
      this.floor = loaded.restored.floor;
      this.#known = loaded.restored.revision;
      this.#take(head);
      appender.passed();
      index.begin(this.floor, this.#known);
      this.#sink?.replace(loaded.restored);
      sequencer.advance(loaded.restored);
      others.forget(this.#known);
      this.#options.log?.warn("this node was away for longer than history reaches: it has read the whole state anew");
    }
    this.floor = Math.max(this.floor, head.floor);
    const [nodes, holder] = await Promise.all([
      this.#client.range(this.#keys.nodes),
      this.#client.range({ key: this.#keys.holder }),
    ]);
    members.read(nodes.entries, holder.entries[0]);
  }

  #end(error: EtcdRefused | Damaged): void {
    if (this.#broken !== null) return;
    this.#broken = `the registry in etcd cannot be used any more: ${error.message}`;
    this.#options.log?.error({ err: error }, this.#broken);
    this.#parts?.sequencer.stop(this.#broken);
    this.#options.onBroken?.(this.#broken);
  }

  get refusing(): string | null {
    return this.#broken ?? this.#health.refusing;
  }

  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>> {
    if (this.#parts === null) return Promise.resolve(refuse("unavailable", "the store is not open"));
    const { refusing } = this;
    // Nothing of it is sent: it is certain that it is not done.
    if (refusing !== null) return Promise.resolve(refuse("unavailable", refusing));
    return this.#parts.others.propose(account, command, signal);
  }

  head(): Promise<Outcome<Revision>> {
    return this.#top.ask();
  }

  async #readTop(): Promise<Outcome<Revision>> {
    try {
      const head = await readHead(this.#client, this.#keys);
      return head.ok ? ok(head.value.top.revision) : head;
    } catch (error) {
      return refuse("unavailable", explainCall(error));
    }
  }

  history(after: Revision, limit: number, bytesMax = Number.POSITIVE_INFINITY): Promise<readonly Commit[]> {
    return this.#reader.history(after, this.#known, limit, bytesMax);
  }

  revisionAt(orderMs: number): Promise<Revision> {
    return this.#reader.revisionAt(this.floor, this.#known, orderMs);
  }

  goneAt(account: Account, instance: InstanceKey): Promise<Revision> {
    return this.#open().index.goneAt(this.floor, account, instance);
  }

  firstChanges(
    account: Account,
    range: KeyRange,
    after: Revision,
    to: Revision,
    turn: () => Promise<void>,
  ): Promise<Outcome<FirstChanges>> {
    return this.#open().index.first(account, range, after, to, turn);
  }

  async compact(revision: Revision): Promise<Outcome<Revision>> {
    if (revision > this.#known)
      return refuse("invalid", `revision ${revision} is in the future; the latest is ${this.#known}`);
    try {
      this.floor = Math.max(this.floor, await raiseFloor(this.#client, this.#keys, revision));
      return ok(this.floor);
    } catch (error) {
      return refuse("unavailable", explainCall(error));
    }
  }

  async close(): Promise<void> {
    const parts = this.#parts;
    if (parts === null) return;
    this.#health.close();
    parts.numbers.close();
    await parts.others.close();
    await parts.sequencer.close();
    await parts.upkeep.close().catch((error: unknown) => {
      // The log has it all.
      if (!(error instanceof LostDuty)) this.#options.log?.warn({ err: error }, "no checkpoint at the stop");
    });
    this.#memory.close();
    this.#parts = null;
    parts.follower.close();
    await parts.members.close();
    this.#client.close();
  }

  #open(): Parts {
    if (this.#parts === null) throw new EtcdRefused("the store is not open");
    return this.#parts;
  }
}

/** This node's part of the registry that lies in etcd below `prefix`. */
export function createEtcd(options: EtcdOptions): EtcdReplicator {
  return new Etcd(options);
}
