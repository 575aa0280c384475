/** Zone files: read at start and whenever they change, served, and their SRV records kept as instances. */

import { dirname } from "node:path";
import type { Account, Commit, Watch } from "../../../core/index.ts";
import type { Desk } from "../desk.ts";
import type { Name } from "../wire/message.ts";
import { keyOf, showName } from "../wire/name.ts";
import { isNewer, serialOf } from "../wire/serial.ts";
import { STATIC_KEYS, showOrigin } from "../zone/file.ts";
import type { FileZone } from "../zone/model.ts";
import { reconcile, rememberedFiles, touchedOrigin, type Wanted } from "./catalog.ts";
import { DirectoryWatch } from "./directory-watch.ts";
import { type Listed, type Listing, listZoneFiles, signatureOf } from "./listing.ts";
import { type LoadedZone, readZone } from "./reader.ts";
import { Fault } from "./zonefile/scanner.ts";
import { toName } from "./zonefile/words.ts";

export interface Static {
  /** Resolves when what was under way is done. */
  close(): Promise<void>;
}

/** A file must stay as it is for this long before it is read; and one that is gone must be so twice. */
const SETTLE_MS = 100;
/** What others did to a file's instances is undone after this long: once for all that they do meanwhile. */
const REPAIR_MS = 1000;
const WARNINGS_LOGGED_MAX = 5;

/** What is known of one zone file. */
interface Entry {
  readonly path: string;
  readonly account: Account;
  readonly origin: Name;
  /** All that its zone rests on. */
  files: readonly string[];
  /** As seen at the last look, and as it was when last read. */
  seen: string;
  read: string;
  /** The last good one. */
  loaded: LoadedZone | undefined;
  missing: number;
  /** The catalog does not hold what the file says yet. */
  pending: boolean;
}

type StaticDesk = Pick<Desk, "registry" | "log" | "settings" | "zones">;

/** What becomes of a zone file that was read, in the order of the numbers in `tally`. */
export const READ_OUTCOMES = ["taken", "refused"] as const;

/** Reads all zone files and serves them; resolves when that is done. The catalog follows. */
export async function openStatic(
  desk: StaticDesk,
  tally: Float64Array = new Float64Array(READ_OUTCOMES.length),
): Promise<Static> {
  const files = new StaticFiles(desk, tally);
  await files.start();
  return files;
}

class StaticFiles implements Static {
  readonly #desk: StaticDesk;
  readonly #tally: Float64Array;
  readonly #entries = new Map<string, Entry>();
  /** Zones as they are served, by origin. */
  readonly #served = new Map<string, FileZone>();
  /** What is to be taken out of the catalog, by account and origin. */
  readonly #gone = new Map<string, Wanted>();
  /** What was said last about a path, so that it is said once. */
  readonly #said = new Map<string, string>();
  readonly #watch = new DirectoryWatch(() => this.#lookSoon());
  #poll: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #repair: NodeJS.Timeout | undefined;
  #catalog: Watch | undefined;
  #work: Promise<void> = Promise.resolve();
  #queued = false;
  #closed = false;

  constructor(desk: StaticDesk, tally: Float64Array) {
    this.#desk = desk;
    this.#tally = tally;
  }

  async start(): Promise<void> {
    const { settings, zones } = this.#desk;
    const listing = await this.#list();
    for (const listed of listing.files) await this.#lookAt(listed, true);
    for (const { loaded, origin } of this.#entries.values())
      if (loaded !== undefined) this.#served.set(keyOf(origin), loaded.zone);
    if (this.#served.size > 0) zones.setFiles([...this.#served.values()]);
    await this.#watchAll(listing);
    this.#enqueue(async () => {
      this.#forgetOrphans(listing);
      await this.#settleAll();
    });
    if (settings.files.length === 0) return;
    this.#follow();
    this.#poll = setInterval(() => this.#lookLater(), Math.min(...settings.files.map(({ pollMs }) => pollMs)));
    this.#poll.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#soon);
    clearTimeout(this.#repair);
    this.#catalog?.close();
    this.#watch.close();
    await this.#work;
    this.#watch.close();
  }

  /** One thing after the other; an exception is a bug, and what comes later goes on. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#closed ? undefined : work()))
      .catch((err) => this.#desk.log.error({ err }, "cannot follow the zone files"));
  }

  #lookSoon(): void {
    if (this.#closed || this.#soon !== undefined) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#lookLater();
    }, SETTLE_MS);
    this.#soon.unref();
  }

  #lookLater(): void {
    if (this.#queued || this.#closed) return;
    this.#queued = true;
    this.#enqueue(async () => {
      this.#queued = false;
      await this.#look();
    });
  }

  #follow(): void {
    const { registry } = this.#desk;
    const revision = registry.read((view) => view.revision);
    const watch = registry.follow({ anyService: true }, revision, {
      deliver: (commit) => {
        this.#notice(commit);
        return true;
      },
      lost: () => {
        for (const entry of this.#entries.values()) entry.pending = true;
        this.#repairLater();
        this.#follow();
      },
    });
    if (!watch.ok) throw new Error(`cannot follow the catalog: ${watch.detail}`);
    this.#catalog = watch.value;
  }

  /** What we did ourselves is noticed as well: then there is nothing to be done when it is looked at. */
  #notice({ account, changes }: Commit): void {
    for (const change of changes) {
      const origin = change.kind === "instance" ? touchedOrigin(change) : undefined;
      if (origin === undefined) continue;
      for (const entry of this.#entries.values()) {
        if (entry.loaded === undefined || entry.account !== account || showOrigin(entry.origin) !== origin) continue;
        entry.pending = true;
        this.#repairLater();
      }
    }
  }

  #repairLater(): void {
    this.#repair ??= setTimeout(() => {
      this.#repair = undefined;
      this.#enqueue(() => this.#settleAll());
    }, REPAIR_MS).unref();
  }

  #list(): Promise<Listing> {
    return listZoneFiles(this.#desk.settings.files, (path) => this.#entries.has(path));
  }

  async #look(): Promise<void> {
    const listing = await this.#list();
    for (const listed of listing.files) {
      if (this.#closed) return;
      await this.#lookAt(listed, false);
    }
    this.#dropMissing(listing);
    await this.#settleAll();
    if (!this.#closed) await this.#watchAll(listing);
  }

  /** Reads the file when it is another one than before and does not move any more. */
  async #lookAt({ path, account, origin }: Listed, first: boolean): Promise<void> {
    if (typeof origin === "string") return this.#sayOnce(path, `${path}: the file's name is no origin: ${origin}`);
    const entry = this.#entryOf(path, account, origin);
    entry.missing = 0;
    const now = await signatureOf(entry.files);
    const moves = now !== entry.seen;
    entry.seen = now;
    if (now === entry.read) return;
    if (moves && !first) return this.#lookSoon();
    const rival = this.#rivalOf(entry);
    if (rival !== undefined && rival.missing > 0) return this.#lookSoon();
    if (rival !== undefined)
      return this.#sayOnce(path, `${path}: the zone ${showName(origin)} already comes from ${rival.path}`);
    const { result, files } = await readZone(path, origin, this.#desk.settings.notes);
    if ((await signatureOf(entry.files)) !== now) return this.#lookSoon();
    entry.files = files;
    entry.seen = await signatureOf(files);
    entry.read = entry.seen;
    this.#tally[result instanceof Fault ? 1 : 0]! += 1;
    if (result instanceof Fault) this.#refuse(entry, result);
    else this.#take(entry, result);
  }

  #entryOf(path: string, account: Account, origin: Name): Entry {
    let entry = this.#entries.get(path);
    if (entry === undefined) {
      entry = {
        path,
        account,
        origin,
        files: [path],
        seen: "",
        read: "",
        loaded: undefined,
        missing: 0,
        pending: false,
      };
      this.#entries.set(path, entry);
    }
    return entry;
  }

  /** Another good file of the same zone: it was there first. */
  #rivalOf(entry: Entry): Entry | undefined {
    const key = keyOf(entry.origin);
    for (const other of this.#entries.values())
      if (other !== entry && other.loaded !== undefined && keyOf(other.origin) === key) return other;
    return undefined;
  }

  #refuse({ path, loaded }: Entry, fault: Fault): void {
    const rest = loaded === undefined ? "the zone is not served" : "the last good version is kept";
    this.#sayOnce(path, `${fault}; ${rest}`, { file: fault.file, line: fault.line });
  }

  #take(entry: Entry, loaded: LoadedZone): void {
    const { log } = this.#desk;
    const before = entry.loaded;
    this.#said.delete(entry.path);
    if (before?.hash === loaded.hash) return;
    entry.loaded = loaded;
    entry.pending = true;
    this.#gone.delete(`${entry.account} ${keyOf(entry.origin)}`);
    const serial = serialOf(loaded.zone.authority);
    const { records, found, warnings } = loaded;
    const origin = showName(entry.origin);
    log.info({ file: entry.path, origin, serial, records, instances: found.instances.length }, "zone file read");
    for (const warning of [...warnings, ...found.warnings].slice(0, WARNINGS_LOGGED_MAX))
      log.warn(`zone file: ${warning}`);
    if (before !== undefined && !isNewer(serial, serialOf(before.zone.authority)))
      log.warn({ file: entry.path, serial }, "zone file: it changed but the serial of its SOA did not grow");
  }

  #sayOnce(path: string, sentence: string, fields: object = {}): void {
    if (this.#said.get(path) === sentence) return;
    this.#said.set(path, sentence);
    this.#desk.log.error(fields, `zone file: ${sentence}`);
  }

  /** A file is gone when its directory is there without it, twice in a row. */
  #dropMissing(listing: Listing): void {
    this.#sayUnknown(listing);
    const there = new Set(listing.files.map(({ path }) => path));
    for (const entry of [...this.#entries.values()]) {
      if (there.has(entry.path) || isUnknown(listing, entry.path)) continue;
      if (++entry.missing < 2) {
        this.#lookSoon();
        continue;
      }
      this.#entries.delete(entry.path);
      this.#said.delete(entry.path);
      this.#desk.log.info({ file: entry.path, origin: showName(entry.origin) }, "zone file is gone");
      if (entry.loaded !== undefined) this.#leave(entry);
    }
  }

  /** Its zone goes, unless another file of the same origin was waiting behind it. */
  #leave({ account, origin }: Entry): void {
    const key = keyOf(origin);
    const next = [...this.#entries.values()].filter((other) => keyOf(other.origin) === key);
    for (const other of next) other.read = "";
    if (next.length > 0) this.#lookSoon();
    if (!next.some((other) => other.account === account)) this.#gone.set(`${account} ${key}`, { account, origin });
  }

  #sayUnknown(listing: Listing): void {
    for (const [path, why] of listing.unknown) this.#sayOnce(path, `${path}: ${why}`);
    for (const path of listing.missing)
      if (!this.#entries.has(path)) this.#sayOnce(path, `${path}: there is no such file`);
  }

  /** Serves what is new, and brings the catalog in line with it; what fails is tried again at the next look. */
  async #settleAll(): Promise<void> {
    for (const [key, gone] of [...this.#gone]) {
      if (this.#closed) return;
      const { origin } = gone;
      const goesOn = [...this.#entries.values()].some((other) => keyOf(other.origin) === keyOf(origin));
      const zone = goesOn ? this.#served.get(keyOf(origin)) : undefined;
      if (await this.#settle(gone, zone)) this.#gone.delete(key);
    }
    for (const entry of this.#entries.values()) {
      const { account, origin, loaded } = entry;
      if (!entry.pending || loaded === undefined || this.#closed) continue;
      const content = { file: entry.path, hash: loaded.hash, instances: loaded.found.instances };
      // What happens meanwhile makes it pending again.
      entry.pending = false;
      if (!(await this.#settle({ account, origin, content }, loaded.zone))) entry.pending = true;
    }
  }

  async #settle(wanted: Wanted, zone?: FileZone): Promise<boolean> {
    const { registry, zones, log } = this.#desk;
    const key = keyOf(wanted.origin);
    const outcome = await reconcile(registry, wanted, () => {
      if (this.#served.get(key) === zone) return;
      if (zone === undefined) this.#served.delete(key);
      else this.#served.set(key, zone);
      zones.setFiles([...this.#served.values()]);
    });
    const origin = showName(wanted.origin);
    const about = `${wanted.account} ${origin}`;
    if (!outcome.ok) {
      this.#sayOnce(about, `${origin}: its instances could not be registered: ${outcome.detail}`);
      return false;
    }
    const { registered, deregistered, foreign } = outcome.value;
    if (registered + deregistered > 0) log.info({ origin, registered, deregistered }, "instances of zone file");
    if (foreign.length === 0) this.#said.delete(about);
    else this.#sayOnce(about, foreign.slice(0, WARNINGS_LOGGED_MAX).join("; "));
    // They are registered once those who hold their ids are gone.
    return foreign.length === 0;
  }

  /** Takes out what files put in that are no longer there, or no longer in the settings. */
  #forgetOrphans(listing: Listing): void {
    this.#sayUnknown(listing);
    const known = new Set([...this.#entries.values()].map(({ account, origin }) => `${account} ${keyOf(origin)}`));
    for (const { account, key, head } of this.#desk.registry.read(rememberedFiles)) {
      const origin = originOf(key);
      if (origin === undefined || known.has(`${account} ${keyOf(origin)}`) || isUnknown(listing, head.file)) continue;
      this.#desk.log.info({ file: head.file, origin: showName(origin), account }, "zone file is gone");
      this.#gone.set(`${account} ${keyOf(origin)}`, { account, origin });
    }
  }

  #watchAll({ directories }: Listing): Promise<void> {
    const files = [...this.#entries.values()].flatMap((entry) => entry.files.map((file) => dirname(file)));
    return this.#watch.set([...directories, ...files]);
  }
}

function isUnknown({ unknown }: Listing, file: string): boolean {
  for (const path of unknown.keys()) if (file === path || file.startsWith(`${path}/`)) return true;
  return false;
}

function originOf(key: string): Name | undefined {
  const text = key.slice(STATIC_KEYS.length);
  const name = toName({ text: text === "." ? text : `${text}.`, quoted: true, line: 0 }, []);
  return typeof name === "string" ? undefined : name;
}
