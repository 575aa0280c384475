/** @live What is known of the nodes and of etcd beside the catalog: told by each node every second. */
import type { Logger } from "pino";
import { type Clock, type Cluster, isMinority, type Revision } from "../../core/index.ts";
import { decodeMeta, encodeMeta, wholeNumber } from "../../records/meta.ts";
import type { Health } from "./about/health.ts";
import type { Members } from "./members.ts";
import type { Roster } from "./peers/roster.ts";

export interface NumbersOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Pick<Logger, "warn"> | undefined;
  readonly members: Members;
  readonly roster: Roster;
  readonly health: Pick<Health, "behind" | "members">;
  /** The end of the order as it is shown here. */
  known(): Revision;
  /** How many leases this node keeps. */
  kept(): number;
}

const CHANNEL = "nodes/numbers";
const EVERY_MS = 1000;
/** What a node told is good for so long. */
const GOOD_MS = 3000;
/** By so much two clocks may differ, and how often in a row: a busy process hears late. */
const CLOCK_MS = 1000;
const CLOCK_TIMES = 5;

interface Told {
  readonly kept: number;
  readonly revision: Revision;
  readonly atMs: number;
}

export class Numbers {
  readonly #options: NumbersOptions;
  readonly #told = new Map<string, Told>();
  /** How often in a row a node told another time than this one has. */
  readonly #otherClocks = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: NumbersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.roster.on(CHANNEL, (bytes, from) => {
      const told = decodeMeta(Buffer.from(bytes), "numbers");
      if (!told.ok) return;
      const [kept, revision] = [wholeNumber(told.value, "kept"), wholeNumber(told.value, "revision")];
      this.#told.set(from, { kept, revision, atMs: this.#options.clock.monotonic() });
      this.#compareClock(from, wholeNumber(told.value, "nowMs"));
    });
    this.#timer = setInterval(() => this.#tick(), EVERY_MS).unref();
    this.#tick();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get cluster(): Cluster {
    const { name, members, roster, clock, health, known, kept } = this.#options;
    const nowMs = clock.monotonic();
    const holder = members.holder?.node;
    const nodes = members.list().map(({ node, host, port, sinceMs }) => {
      const own = node === name;
      const told = own ? { kept: kept(), revision: known(), atMs: nowMs } : this.#told.get(node);
      const isGood = told !== undefined && nowMs - told.atMs <= GOOD_MS;
      return {
        name: node,
        address: host === undefined ? "" : `${host.includes(":") ? `[${host}]` : host}:${port}`,
        sinceMs,
        isReached: own || roster.isUp(node),
        isPresent: own || roster.isUp(node),
        heardMs: told === undefined ? null : nowMs - told.atMs,
        lag: null,
        isOnDuty: node === holder,
        kept: isGood ? told.kept : null,
        revision: isGood ? told.revision : null,
      };
    });
    const { revisions: lagRevisions, ms: lagMs } = health.behind;
    return { name, nodes, lagRevisions, lagMs, isPartitioned: isMinority(nodes), store: health.members };
  }

  /** Times never go back in the order: one fast clock pulls those of all others ahead. */
  #compareClock(node: string, nowMs: number): void {
    const { clock, log } = this.#options;
    const byMs = nowMs - clock.now();
    const times = nowMs < 0 || Math.abs(byMs) < CLOCK_MS ? 0 : (this.#otherClocks.get(node) ?? 0) + 1;
    this.#otherClocks.set(node, times);
    if (times === CLOCK_TIMES)
      log?.warn({ node, byMs }, "the clock of another node is not that of this one: let both be set by a time server");
  }

  #tick(): void {
    const { roster, kept, known, clock } = this.#options;
    roster.broadcast(CHANNEL, encodeMeta({ kept: kept(), revision: known(), nowMs: clock.now() }));
  }
}
