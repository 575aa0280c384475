/**
 * All that is registered in an account, kept encoded: each application until its services change, each answer until any
 * does. What has changed is listed in steps, when it is asked for.
 */
import type { Account, Commit, View } from "../../../core/index.ts";
import type { Body } from "../../../net/answers/parts.ts";
import { infoMaker, instancesOf, type Source } from "./application.ts";
import { Chunks, type ToInfo } from "./chunks.ts";
import { addCounts, type Counts, toHashcode } from "./counts.ts";
import {
  Bodies,
  type Form,
  joinApplication,
  joinApplications,
  KEPT_BODY_BYTES_MAX,
  type Piece,
  SINGLE_BODY_BYTES_MAX,
} from "./piece.ts";
import type { VipQuery } from "./vips.ts";

/** A full answer is always of this version; only deltas count on. */
const VERSION_FULL = "1";
/** Instances and applications that are looked at in one step, about. */
const LOOKS_MAX = 1000;
/** Changes that nobody has asked for: with more, all is listed again. */
const LEARNED_MAX = 100_000;

export class Full {
  readonly #source: Source;
  readonly #account: Account;
  readonly #toInfo: ToInfo;
  /** Changes up to this revision are listed, or are of applications that are stale. */
  #told = -1;
  /** By name; those that are not stale as they are, none of them without instances. */
  readonly #applications = new Map<string, Chunks>();
  readonly #stale = new Set<string>();
  /** Changes that were told since somebody asked. */
  #learned = 0;
  #counts: Counts = {};
  readonly #bodies = new Bodies();

  constructor(source: Source, account: Account) {
    this.#source = source;
    this.#account = account;
    this.#toInfo = infoMaker(source, account);
  }

  /** Bytes kept here. */
  get bytes(): number {
    let sum = this.#bodies.bytes;
    for (const chunks of this.#applications.values()) sum += chunks.bytes;
    return sum;
  }

  forget(): void {
    this.#told = -1;
    this.#applications.clear();
    this.#stale.clear();
    this.#counts = {};
    this.#bodies.clear();
  }

  /** To be told of every commit of the account. */
  learn({ changes, revision }: Commit): void {
    if (this.#told < 0) return;
    for (const change of changes) {
      if (change.kind !== "instance") continue;
      this.#told = revision;
      this.#learned++;
      for (const record of [change.before, change.after])
        if (record !== null) this.#stale.add(record.service.toUpperCase());
    }
    // The names of applications that come and go must not pile up.
    if (this.#learned > LEARNED_MAX) this.forget();
  }

  /** Lists some of the applications that have changed; true when none is left. The rest is for the time after that. */
  step(view: View): boolean {
    this.#begin(view);
    this.#learned = 0;
    let looks = 0;
    for (const name of this.#stale) {
      if (looks >= LOOKS_MAX) return false;
      looks += 1 + this.#list(view, name);
    }
    return true;
  }

  all(form: Form): Body {
    return this.#bodies.get(form, () => {
      const applications = [...this.#applications.values()].map(({ listing }) => listing.pieces);
      return joinApplications(form, VERSION_FULL, this.hashcode, applications, KEPT_BODY_BYTES_MAX);
    });
  }

  /** Undefined for an application without instances. Needs no steps before. */
  application(view: View, name: string, form: Form): Body | undefined {
    this.#begin(view);
    if (this.#stale.has(name)) this.#list(view, name);
    const found = this.#applications.get(name);
    return found && joinApplication(form, found.listing.pieces);
  }

  get hashcode(): string {
    return toHashcode(this.#counts);
  }

  /** The names of the applications, and how many instances have which status. */
  get summary(): { readonly names: readonly string[]; readonly counts: Readonly<Counts> } {
    return { names: [...this.#applications.keys()], counts: this.#counts };
  }

  /** Looks some of the applications through for an address: each step is true when none is left. */
  seeking(query: VipQuery): () => boolean {
    const left = this.#applications.values();
    return () => {
      for (let looks = 0; looks < LOOKS_MAX; ) {
        const { done, value } = left.next();
        if (done === true) return true;
        looks += 1 + (value.withVip(query)?.pieces.length ?? 0) + value.length;
      }
      return false;
    };
  }

  /** The instances with this (secure) vip address; without any, an empty list. */
  vip(query: VipQuery, form: Form): Body {
    const counts: Counts = {};
    const applications: (readonly Piece[])[] = [];
    for (const chunks of this.#applications.values()) {
      const found = chunks.withVip(query);
      if (found === undefined) continue;
      applications.push(found.pieces);
      addCounts(counts, found.counts);
    }
    return joinApplications(form, VERSION_FULL, toHashcode(counts), applications, SINGLE_BODY_BYTES_MAX);
  }

  /** All applications are stale where not every change was told. */
  #begin(view: View): void {
    const account = view.account(this.#account);
    const revision = account?.catalogRevision ?? 0;
    if (this.#told === revision) return;
    this.forget();
    for (const { name } of account?.services() ?? []) this.#stale.add(name.toUpperCase());
    this.#told = revision;
  }

  /** Answers how many instances it has. */
  #list(view: View, name: string): number {
    this.#bodies.clear();
    this.#stale.delete(name);
    const records = instancesOf(this.#source, view, this.#account, name);
    const chunks = this.#applications.get(name) ?? new Chunks(name, this.#toInfo);
    addCounts(this.#counts, chunks.listing.counts, -1);
    const { counts } = chunks.update(records.map((record) => ({ record, action: "ADDED" })));
    addCounts(this.#counts, counts);
    if (records.length > 0) this.#applications.set(name, chunks);
    else this.#applications.delete(name);
    return records.length;
  }
}
