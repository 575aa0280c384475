/** @live Zone files: read at the start and when they change, served, with their SRV records as instances. */

import { dirname } from "node:path";
import { type Account, ALONE, type Commit, type Following, keepUp } from "../../../core/index.ts";
import type { Desk } from "../desk.ts";
import type { Name } from "../wire/message.ts";
import { keyOf, showName } from "../wire/name.ts";
import { isNewer, serialOf } from "../wire/serial.ts";
import { isOutdated, otherReader, rememberedFile, STATIC_KEYS, showOrigin } from "../zone/file.ts";
import type { FileZone } from "../zone/model.ts";
import { reconcile, rememberedFiles, touchedOrigin, type Wanted } from "./catalog.ts";
import { DirectoryWatch } from "./directory-watch.ts";
import { type Listed, type Listing, listZoneFiles, signatureOf } from "./listing.ts";
import { type LoadedZone, readZone } from "./reader.ts";
import type { Fault } from "./zonefile/scanner.ts";
import { toName } from "./zonefile/words.ts";

/** A file must stay as it is for this long before it is read, and be missing for this long before it counts as gone. */
const SETTLE_MS = 100;
/** What others do to the instances of files is undone after this long, all at once. */
const REPAIR_MS = 1000;
const WARNINGS_LOGGED_MAX = 5;

/** A zone file that is there, or was a moment ago. */
interface KnownFile {
  readonly path: string;
  readonly account: Account;
  readonly origin: Name;
  /** All files that its zone comes from. */
  files: readonly string[];
  /** The signatures of its files at the last look, and when they were last read. */
  seen: string;
  read: string;
  /** The zone of its last good text. */
  loaded: LoadedZone | undefined;
  /** How often in a row it was missing. */
  missing: number;
  /** The catalog does not hold its instances yet. */
  pending: boolean;
  /** It was read here, and what another node has read before counts no more. */
  isNew: boolean;
}

type StaticDesk = Pick<Desk, "registry" | "nodes" | "log" | "settings" | "zones" | "node" | "tellFiles">;

/** Outcomes of reading a zone file, in the order of `tally`. */
export const READ_OUTCOMES = ["taken", "refused"] as const;

/**
 * Reads all zone files; resolves when their zones are served. Their instances are registered later. The last good version
 * of a file that is broken now comes from `before`, which is closed.
 */
export async function openStatic(
  desk: StaticDesk,
  tally: Float64Array = new Float64Array(READ_OUTCOMES.length),
  before?: StaticFiles,
): Promise<StaticFiles> {
  const files = new StaticFiles(desk, tally, before);
  await files.start();
  return files;
}

export class StaticFiles {
  readonly #desk: StaticDesk;
  readonly #tally: Float64Array;
  /** By path. */
  readonly #known = new Map<string, KnownFile>();
  /** What was known under other settings, by path. */
  readonly #before: ReadonlyMap<string, KnownFile>;
  /** Zones as they are served, by origin. */
  readonly #served = new Map<string, FileZone>();
  /** Files whose instances are to be taken out of the catalog, by account and origin. */
  readonly #gone = new Map<string, Wanted>();
  /** The last sentence that was logged about a path: it is logged once. */
  readonly #said = new Map<string, string>();
  readonly #watch = new DirectoryWatch(() => this.#lookSoon());
  #poll: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #repair: NodeJS.Timeout | undefined;
  #following: Following | undefined;
  #work: Promise<void> = Promise.resolve();
  #queued = false;
  #closed = false;

  constructor(desk: StaticDesk, tally: Float64Array, before: StaticFiles | undefined) {
    this.#desk = desk;
    this.#tally = tally;
    this.#before = before === undefined ? new Map() : before.#known;
  }

  async start(): Promise<void> {
    const { settings, zones } = this.#desk;
    const listing = await this.#list();
    for (const listed of listing.files) await this.#lookAt(listed, true);
    for (const { loaded, origin } of this.#known.values())
      if (loaded !== undefined) this.#served.set(keyOf(origin), loaded.zone);
    if (this.#served.size > 0) zones.setFiles([...this.#served.values()]);
    await this.#watchAll(listing);
    this.#enqueue(async () => {
      this.#forgetOrphans(listing);
      await this.#settleAll();
    });
    if (settings.files.length === 0) return;
    this.#following = keepUp(
      this.#desk.registry,
      { anyService: true },
      { read: () => this.#suspectAll(), take: (commit) => this.#notice(commit) },
    );
    this.#poll = setInterval(() => this.#lookLater(), Math.min(...settings.files.map(({ pollMs }) => pollMs)));
    this.#poll.unref();
  }

  /** Resolves when the work under way is done. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#soon);
    clearTimeout(this.#repair);
    this.#following?.close();
    this.#watch.close();
    await this.#work;
    this.#watch.close();
  }

  /** Does one piece of work after the other. An exception is a bug; later work goes on. */
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

  /** Others may have changed the instances of any file. */
  #suspectAll(): void {
    for (const known of this.#known.values()) known.pending = true;
    this.#repairLater();
  }

  /** Notes the files whose instances changed. Our own changes are noted, too: then there is nothing to be done. */
  #notice({ account, changes }: Commit): void {
    for (const change of changes) {
      const origin = change.kind === "instance" ? touchedOrigin(change) : undefined;
      if (origin === undefined) continue;
      for (const known of this.#known.values()) {
        if (known.loaded === undefined || known.account !== account || showOrigin(known.origin) !== origin) continue;
        known.pending = true;
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
    return listZoneFiles(this.#desk.settings.files, (path) => this.#known.has(path));
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

  /** Reads the file if it changed since it was read, and not since the last look. */
  async #lookAt({ path, account, origin }: Listed, first: boolean): Promise<void> {
    if (!origin.ok) return this.#sayOnce(path, `${path}: the file's name is no origin: ${origin.detail}`);
    const known = this.#knownFile(path, account, origin.value);
    known.missing = 0;
    const now = await signatureOf(known.files);
    const moves = now !== known.seen;
    known.seen = now;
    if (now === known.read) return;
    if (moves && !first) return this.#lookSoon();
    const rival = this.#rivalOf(known);
    if (rival !== undefined && rival.missing > 0) return this.#lookSoon();
    if (rival !== undefined)
      return this.#sayOnce(path, `${path}: the zone ${showName(known.origin)} already comes from ${rival.path}`);
    const { result, files } = await readZone(path, known.origin, this.#desk.settings.notes);
    if ((await signatureOf(known.files)) !== now) return this.#lookSoon();
    known.files = files;
    known.seen = await signatureOf(files);
    known.read = known.seen;
    this.#tally[result.ok ? 0 : 1]! += 1;
    if (result.ok) this.#take(known, result.value);
    else this.#refuse(known, result);
  }

  #knownFile(path: string, account: Account, origin: Name): KnownFile {
    let known = this.#known.get(path);
    if (known === undefined) {
      const before = this.#before.get(path);
      const isSame = before?.account === account && keyOf(before.origin) === keyOf(origin);
      const loaded = isSame ? before.loaded : undefined;
      const pending = loaded !== undefined;
      known = { path, account, origin, files: [path], seen: "", read: "", loaded, missing: 0, pending, isNew: false };
      this.#known.set(path, known);
    }
    return known;
  }

  /** Another good file of the same zone, which was there first. */
  #rivalOf(known: KnownFile): KnownFile | undefined {
    const key = keyOf(known.origin);
    for (const other of this.#known.values())
      if (other !== known && other.loaded !== undefined && keyOf(other.origin) === key) return other;
    return undefined;
  }

  #refuse({ path, loaded }: KnownFile, fault: Fault): void {
    const rest = loaded === undefined ? "the zone is not served" : "the last good version is kept";
    this.#sayOnce(path, `${fault}; ${rest}`, { file: fault.file, line: fault.line });
  }

  #take(known: KnownFile, loaded: LoadedZone): void {
    const { log } = this.#desk;
    const before = known.loaded;
    this.#said.delete(known.path);
    if (before?.hash === loaded.hash) return;
    const zone = { ...loaded.zone, from: { account: known.account, hash: loaded.hash } };
    known.loaded = { ...loaded, zone };
    known.pending = true;
    const { registry, node } = this.#desk;
    known.isNew = before !== undefined || !registry.read((view) => isOutdated(view, zone, node));
    this.#gone.delete(`${known.account} ${keyOf(known.origin)}`);
    const serial = serialOf(loaded.zone.authority);
    const { records, found, warnings } = loaded;
    const origin = showName(known.origin);
    log.info({ file: known.path, origin, serial, records, instances: found.instances.length }, "zone file read");
    for (const warning of [...warnings, ...found.warnings].slice(0, WARNINGS_LOGGED_MAX))
      log.warn(`zone file: ${warning}`);
    if (before !== undefined && !isNewer(serial, serialOf(before.zone.authority)))
      log.warn({ file: known.path, serial }, "zone file: it changed but the serial of its SOA did not grow");
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
    for (const known of [...this.#known.values()]) {
      if (there.has(known.path) || isUnknown(listing, known.path)) continue;
      if (++known.missing < 2) {
        this.#lookSoon();
        continue;
      }
      this.#known.delete(known.path);
      this.#said.delete(known.path);
      this.#desk.log.info({ file: known.path, origin: showName(known.origin) }, "zone file is gone");
      if (known.loaded !== undefined) this.#leave(known);
    }
  }

  /** Lets the zone go, unless another file of its origin has waited. */
  #leave({ account, origin }: KnownFile): void {
    const key = keyOf(origin);
    const next = [...this.#known.values()].filter((other) => keyOf(other.origin) === key);
    for (const other of next) other.read = "";
    if (next.length > 0) this.#lookSoon();
    if (!next.some((other) => other.account === account)) this.#gone.set(`${account} ${key}`, { account, origin });
  }

  #sayUnknown(listing: Listing): void {
    for (const [path, why] of listing.unknown) this.#sayOnce(path, `${path}: ${why}`);
    for (const path of listing.missing)
      if (!this.#known.has(path)) this.#sayOnce(path, `${path}: there is no such file`);
  }

  /** Serves new zones and registers their instances. What fails is tried again at the next look. */
  async #settleAll(): Promise<void> {
    const good = [...this.#known.values()].flatMap(({ origin, loaded }) =>
      loaded === undefined ? [] : [[showName(origin), loaded.hash] as const],
    );
    this.#desk.tellFiles(new Map(good));
    for (const [key, gone] of [...this.#gone]) {
      if (this.#closed) return;
      const { origin } = gone;
      const goesOn = [...this.#known.values()].some((other) => keyOf(other.origin) === keyOf(origin));
      const zone = goesOn ? this.#served.get(keyOf(origin)) : undefined;
      if (await this.#settle(gone, zone)) this.#gone.delete(key);
    }
    for (const known of this.#known.values()) {
      const { account, origin, loaded } = known;
      if (!known.pending || loaded === undefined || this.#closed || this.#isOthers(known)) continue;
      const serial = serialOf(loaded.zone.authority);
      const content = { file: known.path, hash: loaded.hash, serial, instances: loaded.found.instances };
      // What others do meanwhile makes it pending again.
      known.pending = false;
      if (!(await this.#settle({ account, origin, content }, loaded.zone))) known.pending = true;
      known.isNew &&= this.#desk.registry.read((view) => rememberedFile(view, account, origin)?.hash !== loaded.hash);
    }
  }

  /**
   * Another node has read another text since: its instances stay, as two that undo each other's work would never end. What
   * is served here stays what was read here.
   */
  #isOthers(known: KnownFile): boolean {
    const { registry, node, zones } = this.#desk;
    const zone = known.isNew ? undefined : known.loaded?.zone;
    const other = zone && registry.read((view) => otherReader(view, zone, node));
    if (zone === undefined || other === undefined) return false;
    known.pending = false;
    if (!this.#served.has(keyOf(zone.origin))) {
      this.#served.set(keyOf(zone.origin), zone);
      zones.setFiles([...this.#served.values()]);
    }
    this.#sayOnce(known.path, `${known.path}: the node ${other} has read another text of this zone; that one counts`);
    return true;
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
    // Instances whose ids others have are registered when those are gone.
    return foreign.length === 0;
  }

  /** Takes out the instances of files that are gone, or no longer in the settings. */
  #forgetOrphans(listing: Listing): void {
    this.#sayUnknown(listing);
    const origins = new Set([...this.#known.values()].map(({ account, origin }) => `${account} ${keyOf(origin)}`));
    const { registry, nodes, node } = this.#desk;
    for (const { account, key, head, node: reader } of registry.read(rememberedFiles)) {
      const origin = originOf(key);
      if (origin === undefined || origins.has(`${account} ${keyOf(origin)}`) || isUnknown(listing, head.file)) continue;
      if (nodes !== ALONE && reader !== node) {
        const sentence = `${showName(origin)}: the node ${reader} has read a zone file that is not here (${head.file})`;
        this.#sayOnce(`${account} ${keyOf(origin)}`, sentence);
        continue;
      }
      this.#desk.log.info({ file: head.file, origin: showName(origin), account }, "zone file is gone");
      this.#gone.set(`${account} ${keyOf(origin)}`, { account, origin });
    }
  }

  #watchAll({ directories }: Listing): Promise<void> {
    const files = [...this.#known.values()].flatMap((known) => known.files.map((file) => dirname(file)));
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
  return name.ok ? name.value : undefined;
}
