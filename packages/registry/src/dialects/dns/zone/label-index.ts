/** @live What the view cannot find: services by label, instances by address, and instances that lapsed a moment ago. */
import {
  type Account,
  type Change,
  type Clock,
  type Commit,
  type Following,
  fromBytes,
  type InstanceRecord,
  keepUp,
  type Registry,
  statusOf,
  subjectOf,
  type View,
} from "../../../core/index.ts";
import { isLabel, toExactLabel, toLabel } from "../labels/text.ts";
import type { Settings } from "../settings/model.ts";
import { BY_ADDRESS } from "./addresses.ts";
import type { Ground } from "./ground.ts";
import type { Index } from "./model.ts";

type IndexSettings = Pick<Settings, "whenNoneHealthy" | "heldMs">;

/** Lapsed instances at most: the oldest go first. */
const LAPSED_MAX = 10_000;
/** With so many names more than at the last look, those that the view has forgotten are dropped. */
const FORGOTTEN_MAX = 10_000;

interface Lapsed {
  readonly account: Account;
  readonly record: InstanceRecord;
  readonly untilMs: number;
}

/** Reads the catalog and follows it until closed. */
export class LabelIndex implements Index {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #settings: IndexSettings;
  readonly #listeners = new Set<() => void>();
  readonly #following: Following;
  /** By label, the services whose names are not labels as they stand: the view finds all others by their names. */
  #odd = new Map<Account, Map<string, readonly string[]>>();
  #oddCount = 0;
  #oddCountMax = FORGOTTEN_MAX;
  /** By account, service and id, in the order in which they lapsed. */
  readonly #lapsed = new Map<string, Lapsed>();
  /** By account and service, then by id. */
  readonly #lapsedOf = new Map<string, Map<string, Lapsed>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(registry: Registry, clock: Clock, settings: IndexSettings) {
    this.#registry = registry;
    this.#clock = clock;
    this.#settings = settings;
    this.#following = keepUp(registry, {}, { read: (view) => this.#read(view), take: (commit) => this.#take(commit) });
  }

  services(account: Account, label: string): readonly string[] {
    const odd = this.#odd.get(account)?.get(label) ?? [];
    const text = fromBytes(label);
    const known = this.#registry.read((view) => view.account(account)?.service(text) !== undefined);
    return known && toExactLabel(text) === label ? [text, ...odd] : odd;
  }

  at(address: string): readonly { readonly account: Account; readonly record: InstanceRecord }[] {
    return this.#registry.read((view) => {
      const found: { account: Account; record: InstanceRecord }[] = [];
      for (const account of view.accounts())
        for (const record of account.grouped(BY_ADDRESS, address)) found.push({ account: account.name, record });
      return found;
    });
  }

  lapsed(account: Account, service: string): readonly InstanceRecord[] {
    const all = this.#lapsedOf.get(`${account}/${service}`);
    if (all === undefined) return [];
    const nowMs = this.#clock.monotonic();
    return [...all.values()].filter((lapsed) => lapsed.untilMs > nowMs).map((lapsed) => lapsed.record);
  }

  lapsedServices(account: Account): readonly string[] {
    const services = new Set<string>();
    for (const lapsed of this.#lapsed.values()) if (lapsed.account === account) services.add(lapsed.record.service);
    return [...services].sort();
  }

  /** The same as plain data, without addresses: see `Ground`. It goes on growing with the index. */
  plain(): Pick<Ground, "odd" | "lapsed"> {
    const lapsed = new Map<Account, Map<string, readonly InstanceRecord[]>>();
    for (const { account, record } of this.#lapsed.values()) {
      const services = lapsed.get(account) ?? new Map<string, readonly InstanceRecord[]>();
      lapsed.set(account, services);
      if (!services.has(record.service)) services.set(record.service, this.lapsed(account, record.service));
    }
    return { odd: this.#odd, lapsed };
  }

  /**
   * Calls when something changed that no revision tells of: a label stands for other services, or a lapsed instance has
   * run out. Answers from before are no longer good. Returns its cancel.
   */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#following.close();
    this.#listeners.clear();
    clearTimeout(this.#timer);
  }

  #read(view: View): void {
    this.#odd = new Map();
    this.#oddCount = 0;
    this.#lapsed.clear();
    this.#lapsedOf.clear();
    for (const account of view.accounts())
      for (const service of account.services()) this.#learn(account.name, service.name);
    this.#changed();
  }

  #take(commit: Commit): void {
    let changed = false;
    for (const change of commit.changes) {
      if (change.kind !== "instance") continue;
      const { before, after } = change;
      if (after !== null && after.service !== before?.service && this.#learn(commit.account, after.service))
        changed = true;
      this.#takeLapse(commit, change);
    }
    if (changed) this.#changed();
  }

  /** True when a label stands for other services than before. */
  #learn(account: Account, service: string): boolean {
    if (isLabel(service)) {
      // It may hide services that are written in another way.
      return this.#odd.get(account)?.has(service) === true;
    }
    let labels = this.#odd.get(account);
    if (labels === undefined) {
      labels = new Map();
      this.#odd.set(account, labels);
    }
    let changed = false;
    for (const label of new Set([toExactLabel(service), toLabel(service)])) {
      const names = labels.get(label) ?? [];
      if (label === service || names.includes(service)) continue;
      labels.set(label, [...names, service].sort());
      this.#oddCount++;
      changed = true;
    }
    if (this.#oddCount > this.#oddCountMax) this.#forget();
    return changed;
  }

  /** Drops services that the view has forgotten. */
  #forget(): void {
    this.#registry.read((view) => {
      this.#oddCount = 0;
      for (const [account, labels] of this.#odd) {
        const known = view.account(account);
        for (const [label, names] of labels) {
          const left = names.filter((name) => known?.service(name) !== undefined);
          if (left.length > 0) labels.set(label, left);
          else labels.delete(label);
          this.#oddCount += left.length;
        }
        if (labels.size === 0) this.#odd.delete(account);
      }
    });
    this.#oddCountMax = 2 * this.#oddCount + FORGOTTEN_MAX;
  }

  #takeLapse({ account }: Commit, change: Extract<Change, { kind: "instance" }>): void {
    if (this.#settings.whenNoneHealthy !== "held" || this.#settings.heldMs === 0) return;
    this.#drop(account, subjectOf(change));
    const { cause, before, after } = change;
    if (before === null || after !== null || cause !== "expired" || statusOf(before) === "draining") return;
    const lapsed: Lapsed = { account, record: before, untilMs: this.#clock.monotonic() + this.#settings.heldMs };
    const service = `${account}/${before.service}`;
    this.#lapsed.set(`${service}/${before.id}`, lapsed);
    const ofService = this.#lapsedOf.get(service) ?? new Map<string, Lapsed>();
    this.#lapsedOf.set(service, ofService.set(before.id, lapsed));
    if (this.#lapsed.size > LAPSED_MAX) {
      for (const oldest of this.#lapsed.values()) {
        this.#drop(oldest.account, oldest.record);
        break;
      }
      this.#changed();
    }
    this.#wake();
  }

  #drop(account: Account, { service, id }: InstanceRecord): void {
    const key = `${account}/${service}`;
    if (!this.#lapsed.delete(`${key}/${id}`)) return;
    const ofService = this.#lapsedOf.get(key);
    ofService?.delete(id);
    if (ofService?.size === 0) this.#lapsedOf.delete(key);
  }

  /** Wakes when the oldest lapsed instance runs out: answers are without it from then on. */
  #wake(): void {
    if (this.#timer !== undefined) return;
    for (const oldest of this.#lapsed.values()) {
      this.#timer = setTimeout(() => this.#runOut(), Math.max(0, oldest.untilMs - this.#clock.monotonic()));
      this.#timer.unref();
      return;
    }
  }

  #runOut(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    let changed = false;
    for (const oldest of this.#lapsed.values()) {
      if (oldest.untilMs > nowMs) break;
      this.#drop(oldest.account, oldest.record);
      changed = true;
    }
    if (changed) this.#changed();
    this.#wake();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
