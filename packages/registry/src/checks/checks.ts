/**
 * @live The checks that the registry runs: those of all instances, and those that dialects keep elsewhere. Each node knows all
 * of them, and the one on duty runs them. A run that finds what is known is no commit.
 *
 *   registry ──commits──> checks ──when──> runner ──> probes ──verdict──> judge ──another status──> registry
 */
import type { Logger } from "pino";
import {
  type Account,
  type Check,
  type Clock,
  type Commit,
  type Following,
  type Instance,
  type InstanceKey,
  type InstanceRecord,
  isRun,
  keepUp,
  leaverOf,
  type Nodes,
  type Registry,
  type Status,
  type View,
} from "../core/index.ts";
import type { Lookup } from "../net/hosts/names.ts";
import type { Places } from "../net/hosts/places.ts";
import { Overrides } from "./overrides.ts";
import { Prober } from "./prober.ts";
import { phaseOf, Runner, type RunnerNumbers, type Task } from "./runner.ts";
import { Times } from "./times.ts";
import { judge, type Row, type Verdict } from "./verdict.ts";

export interface ChecksParts {
  readonly registry: Registry;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly log: Pick<Logger, "warn" | "debug">;
  readonly places: Places;
  readonly parallelMax: number;
  /** Of authorities that targets' certificates may be of, besides those of the system: PEM. */
  readonly caFile: string | undefined;
  /** The system's unless given. */
  readonly lookup?: Lookup;
}

/** The latest run of a check at this node. */
export interface Seen extends Verdict {
  readonly atMs: number;
  readonly tookMs: number;
}

/** Something that has a check which is not an instance's. */
export interface Subject {
  readonly account: Account;
  /** Names it and its check within the account. */
  readonly name: string;
  readonly check: Check;
  readonly at: Pick<Instance, "address" | "ports">;
  /** Keeps what was found: called when the status is another one than that of `check`, or the first. */
  tell(status: Status, output: string): Promise<void>;
}

export interface ChecksNumbers extends RunnerNumbers {
  readonly verdicts: Readonly<Record<Verdict["status"], number>>;
  readonly kept: number;
}

export class Checks {
  readonly #parts: ChecksParts;
  readonly #prober: Prober;
  readonly #runner: Runner;
  readonly #subjects = new Map<string, Watched>();
  readonly #following: Following;
  readonly #times: Times;
  readonly #overrides: Overrides;
  readonly #verdicts = { passing: 0, warning: 0, critical: 0 };
  #isClosed = false;

  constructor(parts: ChecksParts) {
    this.#parts = parts;
    const { registry, nodes, clock, parallelMax } = parts;
    this.#prober = new Prober(parts);
    this.#overrides = new Overrides(parts);
    this.#runner = new Runner({ clock, parallelMax, isOnDuty: () => nodes.isOnDuty() });
    this.#following = keepUp(
      registry,
      { anyService: true },
      { read: (view) => this.#readAll(view), take: (commit) => this.#take(commit) },
    );
    this.#times = new Times(parts);
  }

  close(): void {
    this.#isClosed = true;
    this.#following.close();
    this.#times.close();
    this.#overrides.close();
    this.#runner.close();
  }

  get numbers(): ChecksNumbers {
    return { ...this.#runner.numbers, verdicts: this.#verdicts, kept: this.#prober.kept };
  }

  /** See `Times`. */
  report: Times["report"] = (...said) => this.#times.report(...said);

  /** What came of the latest run of a check at this node; undefined where there was none since it was registered, or the start. */
  seen(account: Account, instance: InstanceKey, checkId: string): Seen | undefined {
    return this.#subjects.get(nameOf(account, instance, checkId))?.seen;
  }

  /** Runs this check, too: as it is said latest by its name, and until it is dropped. */
  keep(subject: Subject): void {
    this.#watch(`${subject.account}\0${subject.name}`, subject, true, false);
  }

  drop(account: Account, name: string): void {
    this.#drop(`${account}\0${name}`);
  }

  #readAll(view: View): void {
    const gone = new Set([...this.#subjects].filter(([, { isOfInstance }]) => isOfInstance).map(([name]) => name));
    for (const account of view.accounts())
      for (const service of account.services())
        for (const record of service.instances.values()) {
          this.#overrides.note(account.name, record);
          for (const check of record.checks)
            if (isRun(check)) gone.delete(this.#watchOf(account.name, record, check, false));
        }
    for (const name of gone) this.#drop(name);
  }

  #take({ account, changes }: Commit): void {
    for (const change of changes) {
      if (change.kind !== "instance") continue;
      const { before, after } = change;
      const leaver = leaverOf(change);
      const had = (leaver ?? before)?.checks ?? [];
      for (const check of had)
        if (isRun(check) && (leaver !== null || !hasRun(after, check.id)))
          this.#drop(nameOf(account, leaver ?? (before as InstanceRecord), check.id));
      if (after !== null) this.#overrides.note(account, after);
      if (after === null || after.checks.length === 0) continue;
      for (const check of after.checks) if (isRun(check)) this.#watchOf(account, after, check, true);
    }
  }

  /** Returns its name. */
  #watchOf(account: Account, record: InstanceRecord, check: Check, soon: boolean): string {
    const { service, id } = record;
    const name = nameOf(account, record, check.id);
    const tell = (status: Status, output: string) => this.#report(account, { service, id }, check.id, status, output);
    this.#watch(name, { account, name, check, at: record, tell }, soon, true);
    return name;
  }

  #watch(name: string, subject: Subject, soon: boolean, isOfInstance: boolean): void {
    const known = this.#subjects.get(name);
    if (known?.isStill(subject) === true) {
      known.subject = subject;
      return;
    }
    this.#drop(name);
    const watched = new Watched(name, subject, isOfInstance, (signal) => this.#run(watched, signal));
    this.#subjects.set(name, watched);
    this.#runner.add(watched, soon);
  }

  #drop(name: string): void {
    const watched = this.#subjects.get(name);
    if (watched === undefined) return;
    this.#subjects.delete(name);
    this.#runner.remove(watched);
  }

  async #report(
    account: Account,
    instance: InstanceKey,
    checkId: string,
    status: Status,
    output: string,
  ): Promise<void> {
    const told = await this.#parts.registry.propose(account, { kind: "report", instance, checkId, status, output });
    // One that is gone needs no result; the next run says it again where it could not be written.
    if (!told.ok && told.refusal !== "not-found")
      this.#parts.log.debug(
        { account, ...instance, check: checkId, why: told.detail },
        "a check's result was not kept",
      );
  }

  async #run(watched: Watched, signal: AbortSignal): Promise<void> {
    const { clock, nodes, log } = this.#parts;
    const beganMs = clock.monotonic();
    const { check, at } = watched.subject;
    const verdict = await this.#prober.probe(check, at, signal);
    const isWanted = !this.#isClosed && nodes.isOnDuty() && this.#subjects.get(watched.name) === watched;
    if (!isWanted) return;
    this.#verdicts[verdict.status]++;
    watched.seen = { ...verdict, atMs: clock.now(), tookMs: clock.monotonic() - beganMs };
    const status = watched.judge(verdict);
    if (status === undefined) return;
    watched.isTelling = true;
    // Its place is free for others meanwhile.
    void watched.subject
      .tell(status, verdict.output)
      .catch((error: unknown) => log.warn({ err: error }, "a check's result was not kept"))
      .finally(() => {
        watched.isTelling = false;
      });
  }
}

function hasRun(record: InstanceRecord | null, id: string): boolean {
  return record?.checks.some((check) => check.id === id && isRun(check)) === true;
}

function nameOf(account: Account, { service, id }: InstanceKey, checkId: string): string {
  return `${account}\0${service}/${id}/${checkId}`;
}

/** A check with what its runs found. */
class Watched implements Task {
  readonly name: string;
  subject: Subject;
  readonly isOfInstance: boolean;
  readonly phase: number;
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly #row: Row = { good: 0, bad: 0 };
  seen: Seen | undefined = undefined;
  isTelling = false;

  constructor(name: string, subject: Subject, isOfInstance: boolean, run: (signal: AbortSignal) => Promise<void>) {
    this.name = name;
    this.subject = subject;
    this.isOfInstance = isOfInstance;
    this.phase = phaseOf(name);
    this.run = run;
  }

  get account(): Account {
    return this.subject.account;
  }

  get everyMs(): number {
    return this.subject.check.intervalMs;
  }

  get timeoutMs(): number {
    return this.subject.check.timeoutMs;
  }

  /** Whether this is the same test of the same thing. */
  isStill({ check, at: { address, ports } }: Subject): boolean {
    const { check: own, at } = this.subject;
    return (
      own.kind === check.kind &&
      own.target === check.target &&
      own.intervalMs === check.intervalMs &&
      own.timeoutMs === check.timeoutMs &&
      at.address === address &&
      sameJson(at.ports, ports) &&
      sameJson(own.probe, check.probe)
    );
  }

  /** The status to tell; undefined when it is known. */
  judge(verdict: Verdict): Status | undefined {
    const { check } = this.subject;
    const isFirst = check.reportedAtMs === 0;
    const status = judge(this.#row, verdict, check, isFirst);
    return this.isTelling || (status === check.status && !isFirst) ? undefined : status;
  }
}

function sameJson(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
