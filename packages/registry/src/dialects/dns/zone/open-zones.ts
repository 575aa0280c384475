/** @live The zones that we answer for: of accounts, which come and go, of files, and of other protocols. */
import type { Logger } from "pino";
import {
  type Access,
  type Account,
  type Commit,
  type Following,
  fromBytes,
  keepUp,
  type Registry,
  type Revision,
  SYSTEM_ACCOUNT,
  subjectOf,
} from "../../../core/index.ts";
import type { NameSource } from "../../contract.ts";
import { isTaken, toLabel } from "../labels/text.ts";
import type { Settings } from "../settings/model.ts";
import type { Name } from "../wire/message.ts";
import { keyOf } from "../wire/name.ts";
import { type Cuts, findCuts, rememberCuts } from "./cuts.ts";
import { STATIC_KEYS, shareFile } from "./file.ts";
import { findLongest } from "./ground.ts";
import type { FileZone, PlainZone, Zone, Zones } from "./model.ts";

export interface ZonesOptions {
  readonly registry: Registry;
  readonly access: Access;
  readonly settings: Settings;
  readonly names: readonly NameSource[];
  readonly log: Pick<Logger, "warn">;
}

const REVERSE: readonly Name[] = [
  ["in-addr", "arpa"],
  ["ip6", "arpa"],
];

const DEFAULT_ACCOUNT: Account = "default";

/** Many accounts that come at one time move a serial once. */
const REMEMBER_MS = 50;

export interface PlainZones {
  readonly byKey: ReadonlyMap<string, PlainZone>;
  /** As `OpenZones.cutAt` tells them. */
  readonly cuts: ReadonlyMap<string, Revision>;
}

/** Zones by name. They follow the accounts until closed, and are built anew at the first question after a change. */
export class OpenZones implements Zones {
  readonly #options: ZonesOptions;
  readonly #listeners = new Set<() => void>();
  readonly #following: Following;
  #files: readonly FileZone[] = [];
  /** Files as they lie over zones of accounts (`shareFile`): the same one while the file is the same. */
  readonly #shared = new WeakMap<FileZone, FileZone>();
  /** The accounts that the zones were built with. */
  #accounts = new Set<Account>();
  #byKey: ReadonlyMap<string, Zone> | undefined;
  #plain: PlainZones | undefined;
  /** Accounts that were logged as having no zone. */
  readonly #warned = new Set<Account>();
  /** The delegations of each zone, by its `keyOf`. */
  #cuts = new Map<string, Cuts>();
  /** Zones with delegations that the registry is still to remember. */
  readonly #unsaid = new Set<string>();
  #remembering: NodeJS.Timeout | undefined;

  constructor(options: ZonesOptions) {
    this.#options = options;
    this.#following = keepUp(
      options.registry,
      {},
      {
        read: () => this.#changed(),
        take: (commit) => {
          if (this.#concerns(commit)) this.#changed();
        },
      },
    );
  }

  /** Accounts of administrators are kept in the system's account. Keys of zone files are part of serials. */
  #concerns(commit: Commit): boolean {
    if (commit.account === SYSTEM_ACCOUNT || !this.#accounts.has(commit.account)) return true;
    for (const change of commit.changes)
      if (change.kind === "key" && subjectOf(change).key.startsWith(STATIC_KEYS)) return true;
    return false;
  }

  list(): readonly Zone[] {
    return [...this.#zones().values()].filter((zone) => zone.kind !== "reverse");
  }

  setFiles(files: readonly FileZone[]): void {
    this.#files = files;
    this.#changed();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The zone with the longest name that the name is in. */
  find(name: Name): Zone | undefined {
    return findLongest(this.#zones(), name);
  }

  /** All zones by the `keyOf` of their names, and the revisions of their delegations, as plain data. */
  plain(): PlainZones {
    const zones = this.#zones();
    if (this.#plain === undefined) {
      const byKey = new Map<string, PlainZone>();
      for (const [key, zone] of zones) byKey.set(key, toPlain(zone));
      const cuts = new Map<string, Revision>();
      for (const [key, { foundAt }] of this.#cuts) cuts.set(key, foundAt);
      this.#plain = { byKey, cuts };
    }
    return this.#plain;
  }

  close(): void {
    this.#following.close();
    this.#listeners.clear();
    clearTimeout(this.#remembering);
  }

  #changed(): void {
    this.#byKey = undefined;
    this.#plain = undefined;
    for (const listener of this.#listeners) listener();
  }

  #zones(): ReadonlyMap<string, Zone> {
    if (this.#byKey !== undefined) return this.#byKey;
    const { registry, access } = this.#options;
    const accounts = new Set<Account>([SYSTEM_ACCOUNT, DEFAULT_ACCOUNT]);
    registry.read((view) => {
      for (const account of view.accounts()) accounts.add(account.name);
      return true;
    });
    for (const { account } of access.listAccounts()) accounts.add(account);
    this.#accounts = accounts;
    const byKey = this.#build(accounts);
    this.#byKey = byKey;
    const before = this.#cuts;
    this.#cuts = registry.read((view) => findCuts(byKey, before, view));
    for (const [zone, cuts] of this.#cuts) if (cuts !== before.get(zone) && cuts.foundAt > 0) this.#unsaid.add(zone);
    if (this.#unsaid.size > 0) this.#rememberSoon();
    return byKey;
  }

  /**
   * The revision at which this node found the delegations of this zone changed, until the registry remembers them. 0 when
   * it has found nothing that it does not remember.
   */
  cutAt(zone: Name): Revision {
    this.#zones();
    return this.#cuts.get(keyOf(zone))?.foundAt ?? 0;
  }

  #rememberSoon(): void {
    this.#remembering ??= setTimeout(() => {
      this.#remembering = undefined;
      const zones = [...this.#unsaid];
      this.#unsaid.clear();
      for (const zone of zones) void this.#remember(zone);
    }, REMEMBER_MS).unref();
  }

  async #remember(zone: string): Promise<void> {
    const { registry, log } = this.#options;
    const cuts = this.#cuts.get(zone);
    if (cuts === undefined) return;
    const outcome = await registry.propose(
      SYSTEM_ACCOUNT,
      registry.read((view) => rememberCuts(view, zone, cuts)),
    );
    if (!outcome.ok)
      log.warn({ zone: fromBytes(zone) }, `delegations may change under an old serial: ${outcome.detail}`);
  }

  #build(accounts: ReadonlySet<Account>): ReadonlyMap<string, Zone> {
    const { settings, names } = this.#options;
    const zones = new Map<string, Zone>();
    for (const name of REVERSE) zones.set(keyOf(name), { kind: "reverse", name });
    zones.set(keyOf(settings.domain), { kind: "account", name: settings.domain, account: DEFAULT_ACCOUNT });
    // Of two accounts with one label the one that is written like it comes first.
    const sorted = [...accounts].filter((account) => account !== SYSTEM_ACCOUNT && account !== DEFAULT_ACCOUNT);
    sorted.sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
    for (const account of sorted) {
      const label = toLabel(account);
      if (isTaken(label)) {
        this.#warnTaken(account, label);
        continue;
      }
      const name = [label, ...settings.domain];
      if (!zones.has(keyOf(name))) zones.set(keyOf(name), { kind: "account", name, account });
    }
    for (const { name, account } of settings.zones) zones.set(keyOf(name), { kind: "account", name, account });
    for (const source of names) {
      const set = settings.sources.get(source.dialect);
      if (set === undefined || set === null) continue;
      const { domain, account, options } = set;
      zones.set(keyOf(domain), { kind: "source", name: domain, account, source, options });
    }
    for (const file of this.#files) {
      const there = zones.get(keyOf(file.origin));
      if (there?.kind === "account") zones.set(keyOf(file.origin), { ...there, file: this.#share(file) });
      else zones.set(keyOf(file.origin), { kind: "file", name: file.origin, file });
    }
    return zones;
  }

  #share(file: FileZone): FileZone {
    let shared = this.#shared.get(file);
    if (shared === undefined) {
      shared = shareFile(file, this.#options.settings.ttlS);
      this.#shared.set(file, shared);
    }
    return shared;
  }

  #warnTaken(account: Account, label: string): void {
    const { settings, log } = this.#options;
    if (this.#warned.has(account) || settings.zones.some((zone) => zone.account === account)) return;
    this.#warned.add(account);
    log.warn({ account }, `account has no zone: names below ${label} are addresses; dns.zones gives it another name`);
  }
}

function toPlain(zone: Zone): PlainZone {
  if (zone.kind !== "source") return zone;
  const { source, ...rest } = zone;
  return { ...rest, dialect: source.dialect };
}

function rank(account: Account): number {
  return toLabel(account) === account ? 0 : 1;
}
