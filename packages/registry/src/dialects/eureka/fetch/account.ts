/** What an account's clients fetch, kept encoded: each application once per revision of it, each answer once per revision. */
import type { Account, View } from "../../../core/index.ts";
import { infoMaker, instancesOf, type Source } from "./application.ts";
import { addCounts, Chunks, type Counts, type ToInfo } from "./chunks.ts";
import { toHashcode } from "./hashcode.ts";
import { type Form, joinApplication, joinApplications, type Piece } from "./piece.ts";
import type { VipQuery } from "./vips.ts";

/** An application at one revision of its services. */
interface ShownApplication {
  /** Upper case. */
  readonly name: string;
  /** The latest revision of its services. */
  readonly revision: number;
  /** How many services it is made of. */
  readonly services: number;
  readonly counts: Counts;
  readonly pieces: readonly Piece[];
  readonly chunks: Chunks;
}

/** A full answer is always of this version; only deltas count on. */
const VERSION_FULL = "1";

export class AccountAnswers {
  readonly #source: Source;
  readonly #account: Account;
  readonly #toInfo: ToInfo;
  #revision = -1;
  #applications = new Map<string, ShownApplication>();
  #hashcode = "";
  readonly #wholes = new Map<string, Buffer>();

  constructor(source: Source, account: Account) {
    this.#source = source;
    this.#account = account;
    this.#toInfo = infoMaker(source, account);
  }

  /** Bytes of encoded answers kept here. */
  get bytes(): number {
    let sum = 0;
    for (const { pieces, chunks } of this.#applications.values()) {
      sum += chunks.bytes;
      for (const piece of pieces) sum += piece.bytes;
    }
    for (const whole of this.#wholes.values()) sum += whole.length;
    return sum;
  }

  forget(): void {
    this.#revision = -1;
    this.#applications.clear();
    this.#wholes.clear();
  }

  /** Everything. */
  all(view: View, form: Form): Buffer {
    this.#refresh(view);
    const key = `${form.format} ${form.gzip}`;
    let whole = this.#wholes.get(key);
    if (whole === undefined) {
      const applications = [...this.#applications.values()].map(({ pieces }) => pieces);
      whole = joinApplications(form, VERSION_FULL, this.#hashcode, applications);
      this.#wholes.set(key, whole);
    }
    return whole;
  }

  /** One application; undefined when nobody is there. */
  application(view: View, name: string, form: Form): Buffer | undefined {
    this.#refresh(view);
    const shown = this.#applications.get(name);
    return shown === undefined ? undefined : joinApplication(form, shown.pieces);
  }

  /** The hash over all instances. */
  hashcode(view: View): string {
    this.#refresh(view);
    return this.#hashcode;
  }

  applications(view: View): Iterable<{ readonly name: string; readonly counts: Counts }> {
    this.#refresh(view);
    return this.#applications.values();
  }

  /** Those with this (secure) vip address; no error when there are none. */
  vip(view: View, query: VipQuery, form: Form): Buffer {
    this.#refresh(view);
    const counts: Counts = {};
    const applications: (readonly Piece[])[] = [];
    for (const { chunks } of this.#applications.values()) {
      const made = chunks.withVip(query);
      if (made === undefined) continue;
      applications.push(made.pieces);
      addCounts(counts, made.counts);
    }
    return joinApplications(form, VERSION_FULL, toHashcode(counts), applications);
  }

  /** Looks at each service's revision, and again at those services that have moved. */
  #refresh(view: View): void {
    const account = view.account(this.#account);
    const revision = account?.catalogRevision ?? 0;
    if (revision === this.#revision) return;
    const found = new Map<string, { name: string; revision: number; services: number }>();
    for (const service of account?.services() ?? []) {
      const name = service.name.toUpperCase();
      const same = found.get(name);
      if (same === undefined) found.set(name, { name, revision: service.revision, services: 1 });
      else {
        same.revision = Math.max(same.revision, service.revision);
        same.services++;
      }
    }
    const next = new Map<string, ShownApplication>();
    const counts: Counts = {};
    for (const wanted of found.values()) {
      const known = this.#applications.get(wanted.name);
      const isSame = known !== undefined && known.revision === wanted.revision && known.services === wanted.services;
      const shown = isSame ? known : this.#show(view, wanted, known?.chunks);
      next.set(wanted.name, shown);
      addCounts(counts, shown.counts);
    }
    this.#applications = next;
    this.#hashcode = toHashcode(counts);
    this.#wholes.clear();
    this.#revision = revision;
  }

  #show(
    view: View,
    wanted: Pick<ShownApplication, "name" | "revision" | "services">,
    known: Chunks | undefined,
  ): ShownApplication {
    const chunks = known ?? new Chunks(wanted.name, this.#toInfo);
    const records = instancesOf(this.#source, view, this.#account, wanted.name);
    const { pieces, counts } = chunks.update(records.map((record) => ({ record, action: "ADDED" })));
    return { ...wanted, counts, pieces, chunks };
  }
}
