/** All that is registered in an account, kept encoded: each application until its services change, each answer until any does. */
import type { Account, View } from "../../../core/index.ts";
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

/** An application at one revision of its services. */
interface Application {
  /** The latest of its services' revisions. */
  readonly revision: number;
  /** The number of services that it is made of. */
  readonly services: number;
  readonly chunks: Chunks;
}

/** A full answer is always of this version; only deltas count on. */
const VERSION_FULL = "1";

export class Full {
  readonly #source: Source;
  readonly #account: Account;
  readonly #toInfo: ToInfo;
  #revision = -1;
  #applications = new Map<string, Application>();
  #counts: Counts = {};
  #hashcode = "";
  readonly #bodies = new Bodies();

  constructor(source: Source, account: Account) {
    this.#source = source;
    this.#account = account;
    this.#toInfo = infoMaker(source, account);
  }

  /** Bytes kept here. */
  get bytes(): number {
    let sum = this.#bodies.bytes;
    for (const { chunks } of this.#applications.values()) sum += chunks.bytes;
    return sum;
  }

  forget(): void {
    this.#revision = -1;
    this.#applications.clear();
    this.#bodies.clear();
  }

  all(view: View, form: Form): Body {
    this.#refresh(view);
    return this.#bodies.get(form, () => {
      const applications = [...this.#applications.values()].map(({ chunks }) => chunks.listing.pieces);
      return joinApplications(form, VERSION_FULL, this.#hashcode, applications, KEPT_BODY_BYTES_MAX);
    });
  }

  /** Undefined for an application without instances. */
  application(view: View, name: string, form: Form): Body | undefined {
    this.#refresh(view);
    const found = this.#applications.get(name);
    return found && joinApplication(form, found.chunks.listing.pieces);
  }

  hashcode(view: View): string {
    this.#refresh(view);
    return this.#hashcode;
  }

  /** The names of the applications, and how many instances have which status. */
  summary(view: View): { readonly names: readonly string[]; readonly counts: Readonly<Counts> } {
    this.#refresh(view);
    return { names: [...this.#applications.keys()], counts: this.#counts };
  }

  /** The instances with this (secure) vip address; without any, an empty list. */
  vip(view: View, query: VipQuery, form: Form): Body {
    this.#refresh(view);
    const counts: Counts = {};
    const applications: (readonly Piece[])[] = [];
    for (const { chunks } of this.#applications.values()) {
      const found = chunks.withVip(query);
      if (found === undefined) continue;
      applications.push(found.pieces);
      addCounts(counts, found.counts);
    }
    return joinApplications(form, VERSION_FULL, toHashcode(counts), applications, SINGLE_BODY_BYTES_MAX);
  }

  /** Compares each service's revision, and lists the applications anew whose services have changed. */
  #refresh(view: View): void {
    const account = view.account(this.#account);
    const revision = account?.catalogRevision ?? 0;
    if (revision === this.#revision) return;
    const found = new Map<string, { revision: number; services: number }>();
    for (const service of account?.services() ?? []) {
      const name = service.name.toUpperCase();
      const same = found.get(name);
      if (same === undefined) found.set(name, { revision: service.revision, services: 1 });
      else {
        same.revision = Math.max(same.revision, service.revision);
        same.services++;
      }
    }
    const applications = new Map<string, Application>();
    const counts: Counts = {};
    for (const [name, { revision, services }] of found) {
      let application = this.#applications.get(name);
      if (application?.revision !== revision || application.services !== services) {
        const chunks = application?.chunks ?? new Chunks(name, this.#toInfo);
        const records = instancesOf(this.#source, view, this.#account, name);
        chunks.update(records.map((record) => ({ record, action: "ADDED" })));
        application = { revision, services, chunks };
      }
      applications.set(name, application);
      addCounts(counts, application.chunks.listing.counts);
    }
    this.#applications = applications;
    this.#counts = counts;
    this.#hashcode = toHashcode(counts);
    this.#bodies.clear();
    this.#revision = revision;
  }
}
