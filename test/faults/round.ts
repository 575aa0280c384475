/** One fault under load, and what must hold when it is over. */
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../harness/scope.ts";
import { Chance } from "./chance.ts";
import { type Complaint, complain } from "./check/complaint.ts";
import { judgeLeases, judgeSilent } from "./check/leases.ts";
import { judgeNames } from "./check/names.ts";
import { judgeWatcher, Order } from "./check/order.ts";
import { RegisterCheck } from "./check/registers.ts";
import type { Cluster } from "./cluster.ts";
import { faultsOn, lastsMs } from "./faults.ts";
import type { Commit } from "./history.ts";
import { type Beaters, startBeaters } from "./load/beaters.ts";
import { Gate } from "./load/gate.ts";
import { type Registers, read, startRegisters } from "./load/registers.ts";
import { FirstSeen, Follower } from "./load/watchers.ts";
import { startWriters, type Writers } from "./load/writers.ts";

export interface Told {
  readonly seed: number;
  readonly fault: string;
  readonly what: string;
  readonly tookMs: number;
  readonly complaints: readonly Complaint[];
  /** What the clients did meanwhile. */
  readonly counts: Readonly<Record<string, number>>;
}

const BEFORE_MS = 500;
const AFTER_MS = 500;
/** So long what DNS says may be of the moment before. */
const NAMES_MS = 5000;
/** For what never comes. */
const RECOVERY_MS_MAX = 60_000;

/** A cluster under load, through one fault after another. */
export class Trial {
  readonly #cluster: Cluster;
  readonly #gate = new Gate();
  readonly #order = new Order();
  readonly #firstSeen = new FirstSeen();
  readonly #writers: Writers;
  readonly #registers: Registers;
  readonly #check: RegisterCheck;
  readonly #beaters: Beaters;
  readonly #followers: readonly Follower[];

  constructor(cluster: Cluster, seed: number) {
    const { nodes } = cluster;
    const chance = new Chance(seed + 1_000_000);
    this.#cluster = cluster;
    this.#writers = startWriters(this.#gate, nodes, chance);
    this.#registers = startRegisters(this.#gate, nodes, chance);
    this.#check = new RegisterCheck(this.#registers);
    this.#beaters = startBeaters(this.#gate, nodes, chance);
    this.#followers = [
      ...nodes.map((node) => new Follower(`the watcher at ${node.name}`, [node], this.#firstSeen)),
      new Follower("the watcher at all nodes in turn", nodes, this.#firstSeen),
    ];
  }

  async run(seed: number): Promise<Told> {
    const startMs = performance.now();
    const chance = new Chance(seed);
    const faults = faultsOn(this.#cluster.ground.kind);
    const fault = faults[seed % faults.length] as (typeof faults)[number];
    this.#gate.open();
    await delay(BEFORE_MS);
    const injury = await fault.begin(this.#cluster, chance);
    const forMs = lastsMs(fault, chance);
    await delay(forMs);
    await injury.end();
    const endedMs = performance.now();
    const complaints: Complaint[] = [];
    await this.#recover(complaints);
    const recoveredMs = performance.now();
    // Of programs that do not come back nothing more can be asked.
    const isOver = complaints.length > 0;
    await delay(isOver ? 0 : AFTER_MS);
    if (!isOver) await this.#gate.close();
    const counts = isOver ? {} : await this.#judge(complaints);
    const recoveryMs = Math.round(recoveredMs - endedMs);
    const what = `${injury.what}, for ${forMs} ms`;
    const tookMs = performance.now() - startMs;
    return { seed, fault: fault.name, what, tookMs, complaints, counts: { ...counts, recoveryMs } };
  }

  /** Every node is ready and takes changes again. */
  async #recover(complaints: Complaint[]): Promise<void> {
    try {
      await this.#cluster.ready(RECOVERY_MS_MAX);
      for (const node of this.#cluster.nodes)
        await until(async () => (await read(node, "reg/a")) !== undefined, {
          timeoutMs: RECOVERY_MS_MAX,
          what: `${node.name} to answer reads after a barrier`,
        });
    } catch (error) {
      const logs = this.#cluster.nodes.flatMap(({ name, rollcall }) =>
        rollcall.logs.slice(-6).map((line) => `${name}: ${JSON.stringify(line).slice(0, 300)}`),
      );
      complaints.push(complain("goes on when the fault is over", String(error), logs));
    }
  }

  async #judge(complaints: Complaint[]): Promise<Record<string, number>> {
    const { nodes } = this.#cluster;
    const commits = await this.#settle(complaints);
    const writes = this.#writers.writes.splice(0);
    complaints.push(...this.#order.judge(writes));
    const states = new Map<string, string | null>();
    for (const key of this.#registers.keys) {
      const found = await read(nodes[0] as (typeof nodes)[number], key);
      states.set(key, found?.value ?? null);
    }
    complaints.push(...this.#check.judge(states));
    complaints.push(...judgeLeases(this.#order, this.#beaters.all, this.#firstSeen));
    complaints.push(...judgeSilent(this.#order, this.#beaters.all));
    const fates = (fate: string): number => writes.filter((write) => write.fate === fate).length;
    return {
      commits: commits.length,
      done: fates("done"),
      refused: fates("not done"),
      unknown: fates("unknown"),
      registerOps: this.#check.operations,
      unjudged: this.#check.unjudged,
      beats: Object.values(this.#beaters.beats).reduce((sum, count) => sum + count, 0),
    };
  }

  /** Reads all there is until nothing moves, and every watcher has it. */
  async #settle(complaints: Complaint[]): Promise<readonly Commit[]> {
    const { nodes } = this.#cluster;
    const commits: Commit[] = [];
    const startMs = performance.now();
    const isSettled = async (): Promise<boolean> => {
      const own: Complaint[] = [];
      // Leases may end meanwhile, and so the state moves: then all is read again.
      for (const node of nodes) if ((await read(node, "reg/a")) === undefined) return false;
      commits.push(...(await this.#order.readOn(nodes, complaints)));
      const hashes = await Promise.all(nodes.map((node) => this.#order.judgeState(node, own)));
      const names = await judgeNames(this.#order, nodes);
      // A lease may have ended just now, or while the nodes were asked: on a busy machine that takes long.
      if (names.length > 0) {
        const more = await this.#order.readOn(nodes, complaints);
        commits.push(...more);
        if (more.length > 0 || performance.now() - startMs < NAMES_MS) return false;
      }
      if (hashes.includes(undefined) || new Set(hashes).size !== 1) {
        const revisions = new Set(hashes.map((hash) => hash?.split(" ")[0]));
        if (revisions.size === 1 && hashes[0] !== undefined) complaints.push(...own);
        return revisions.size === 1 && own.length > 0;
      }
      complaints.push(...names);
      return true;
    };
    await until(isSettled, { timeoutMs: RECOVERY_MS_MAX, what: "all nodes to show one state" }).catch((error) =>
      complaints.push(complain("one state", String(error))),
    );
    const { revision } = this.#order;
    for (const follower of this.#followers) {
      await until(() => follower.last >= revision, { timeoutMs: RECOVERY_MS_MAX }).catch(() => {});
      complaints.push(...judgeWatcher(follower, commits, revision));
    }
    return commits;
  }

  end(): void {
    this.#gate.end();
    for (const follower of this.#followers) follower.close();
  }
}
