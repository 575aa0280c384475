/** The zones that we answer for, and the world that names are looked up in. */
import type { Logger } from "pino";
import {
  type Access,
  type Account,
  type Commit,
  type Registry,
  type Revision,
  SYSTEM_ACCOUNT,
  type View,
  type Watch,
} from "../../../core/index.ts";
import type { NameSource } from "../../contract.ts";
import { isTaken, toLabel } from "../labels/text.ts";
import type { Settings } from "../settings/model.ts";
import { type Name, TYPE } from "../wire/message.ts";
import { keyOf } from "../wire/name.ts";
import { canonicalData } from "../wire/record.ts";
import { fileRecords, STATIC_KEYS, shareFile, staticRevision } from "./file.ts";
import type { AccountZone, FileZone, Index, World, Zone, Zones } from "./model.ts";
import { shapeRevision } from "./shape.ts";

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
const SERIALS = 2 ** 32 - 1;

/** Opens the zones: they follow the accounts until closed. */
export function openZones(options: ZonesOptions): OpenZones {
  return new OpenZones(options);
}

/** Zones by name. Built anew when first asked after something came or went. */
export class OpenZones implements Zones {
  readonly #options: ZonesOptions;
  readonly #listeners = new Set<() => void>();
  #watch: Watch;
  #files: readonly FileZone[] = [];
  /** Files as they lie over accounts' zones: the same one while the file is the same. */
  readonly #shared = new WeakMap<FileZone, FileZone>();
  /** All that the zones were built with. */
  #accounts = new Set<Account>();
  #byKey: ReadonlyMap<string, Zone> | undefined;
  /** Accounts of which it was said that they have no zone. */
  readonly #said = new Set<Account>();
  /** By `keyOf` of a zone: what it says of zones below it, and since when. */
  #cuts = new Map<string, Cuts>();

  constructor(options: ZonesOptions) {
    this.#options = options;
    this.#watch = this.#follow();
  }

  #follow(): Watch {
    const { registry } = this.#options;
    const after = registry.read((view) => view.revision);
    const watch = registry.follow({}, after, {
      deliver: (commit) => {
        if (this.#concerns(commit)) this.#changed();
        return true;
      },
      lost: () => {
        this.#watch = this.#follow();
        this.#changed();
      },
    });
    if (!watch.ok) throw new Error(`cannot follow the accounts: ${watch.detail}`);
    return watch.value;
  }

  /** Accounts that an administrator made stand in the registry's own one; serials rest on what stands for files. */
  #concerns(commit: Commit): boolean {
    if (commit.account === SYSTEM_ACCOUNT || !this.#accounts.has(commit.account)) return true;
    for (const change of commit.changes)
      if (change.kind === "key" && (change.after ?? change.before)?.key.startsWith(STATIC_KEYS)) return true;
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

  /** The zone with the longest name that this one is in. */
  find(name: Name): Zone | undefined {
    const zones = this.#zones();
    for (let from = 0; from <= name.length; from++) {
      const zone = zones.get(keyOf(from === 0 ? name : name.slice(from)));
      if (zone !== undefined) return zone;
    }
    return undefined;
  }

  close(): void {
    this.#watch.close();
    this.#listeners.clear();
  }

  #changed(): void {
    this.#byKey = undefined;
    for (const listener of this.#listeners) listener();
  }

  #zones(): ReadonlyMap<string, Zone> {
    if (this.#byKey !== undefined) return this.#byKey;
    const { registry, access } = this.#options;
    const accounts = new Set<Account>([SYSTEM_ACCOUNT, DEFAULT_ACCOUNT]);
    const revision = registry.read((view) => {
      for (const account of view.accounts()) accounts.add(account.name);
      return view.revision;
    });
    for (const { account } of access.listAccounts()) accounts.add(account);
    this.#accounts = accounts;
    this.#byKey = this.#build(accounts);
    this.#cuts = cutsOf(this.#byKey, this.#cuts, revision);
    return this.#byKey;
  }

  /**
   * The registry's revision at which the zones below this one were last found to be others: at the latest at the start,
   * as nobody knows what they were before. 0 while there never was one.
   */
  cutAt(zone: Name): Revision {
    this.#zones();
    return this.#cuts.get(keyOf(zone))?.revision ?? 0;
  }

  /** The same of what a zone file adds, in whichever account its instances are. */
  fileRevision(view: View, { account, name }: AccountZone): Revision {
    let revision = staticRevision(view, account, name);
    for (const file of this.#options.settings.files)
      if (file.account !== account) revision = Math.max(revision, staticRevision(view, file.account, name));
    return revision;
  }

  #build(accounts: ReadonlySet<Account>): ReadonlyMap<string, Zone> {
    const { settings, names } = this.#options;
    const zones = new Map<string, Zone>();
    for (const name of REVERSE) zones.set(keyOf(name), { kind: "reverse", name });
    zones.set(keyOf(settings.domain), { kind: "account", name: settings.domain, account: DEFAULT_ACCOUNT });
    // Where two accounts have one label, the one that is written like it comes first.
    const sorted = [...accounts].filter((account) => account !== SYSTEM_ACCOUNT && account !== DEFAULT_ACCOUNT);
    sorted.sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
    for (const account of sorted) {
      const label = toLabel(account);
      if (isTaken(label)) {
        this.#sayTaken(account, label);
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

  #sayTaken(account: Account, label: string): void {
    const { settings, log } = this.#options;
    if (this.#said.has(account) || settings.zones.some((zone) => zone.account === account)) return;
    this.#said.add(account);
    log.warn({ account }, `account has no zone: names below ${label} are addresses; dns.zones gives it another name`);
  }
}

function rank(account: Account): number {
  return toLabel(account) === account ? 0 : 1;
}

interface Cuts {
  readonly text: string;
  readonly revision: Revision;
}

/** What each zone says of zones right below it, with the revision at which it became different. */
function cutsOf(
  zones: ReadonlyMap<string, Zone>,
  before: ReadonlyMap<string, Cuts>,
  revision: Revision,
): Map<string, Cuts> {
  const texts = new Map<string, string>();
  for (const key of before.keys()) texts.set(key, "");
  for (const [key, zone] of zones) {
    for (let from = 1; from <= zone.name.length; from++) {
      const above = keyOf(zone.name.slice(from));
      if (!zones.has(above)) continue;
      const servers = "file" in zone && zone.file !== undefined ? fileRecords(zone.file, zone.name, TYPE.NS) : [];
      const own = servers.map(({ type, data }) => canonicalData(type, data)).join(" ");
      texts.set(above, `${texts.get(above) ?? ""}${key} ${own}\n`);
      break;
    }
  }
  const after = new Map<string, Cuts>();
  for (const [key, text] of texts) {
    const old = before.get(key);
    after.set(key, old?.text === text ? old : { text, revision });
  }
  return after;
}

export interface WorldOptions {
  readonly settings: Settings;
  readonly index: Index;
  readonly zones: OpenZones;
  /** What we listen on, unless that is a wildcard. */
  readonly addresses: readonly string[];
}

/** The world at one revision. */
export function toWorld(view: View, options: WorldOptions): World {
  return {
    view,
    index: options.index,
    settings: options.settings,
    addresses: options.addresses,
    zoneOf: (name) => options.zones.find(name),
    zones: () => options.zones.list(),
    serialOf: (zone) => serialOf(zone, view, options.zones),
  };
}

/**
 * A zone's serial. An account's is the latest revision that touched its catalog, what a zone file of the same name
 * says, the zones below it, or the settings that shape it: it only grows. A zone file alone has the serial that its
 * author wrote.
 */
function serialOf(zone: Zone, view: View, zones: OpenZones): number {
  switch (zone.kind) {
    case "file":
      return zone.file.authority.data.kind === "authority" ? zone.file.authority.data.serial : 1;
    case "reverse":
      return toSerial(view.revision);
    case "source":
      return toSerial(view.account(zone.account)?.catalogRevision ?? 0);
    case "account": {
      const catalog = view.account(zone.account)?.catalogRevision ?? 0;
      const file = zones.fileRevision(view, zone);
      return toSerial(Math.max(catalog, file, zones.cutAt(zone.name), shapeRevision(view)));
    }
  }
}

/** RFC 1982: 32 bits. Some secondaries take 0 for "unknown", so revision 0 is 1, and 1 another one. */
function toSerial(revision: number): number {
  return (revision % SERIALS) + 1;
}
