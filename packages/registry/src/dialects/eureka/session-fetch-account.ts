/** What an account's clients fetch, kept encoded: each application once per revision of it, each answer once per revision. */
import type { Account, InstanceRecord, View } from "../../core/index.ts";
import { toHashcode } from "./codec-hash.ts";
import {
  addCounts,
  type Counts,
  instancesOf,
  type ShownApplication,
  type Source,
  showApplication,
  writeRecords,
} from "./session-fetch-application.ts";
import { type Form, joinApplication, joinApplications, Piece } from "./session-fetch-piece.ts";
import { vipAddressOf } from "./translate-info.ts";
import { shownStatus } from "./translate-status.ts";

/** A full answer is always of this version; only deltas count on. */
const VERSION_FULL = "1";

type Vips = ReadonlyMap<string, readonly InstanceRecord[]>;

export class AccountAnswers {
  readonly #source: Source;
  readonly #account: Account;
  #revision = -1;
  #applications = new Map<string, ShownApplication>();
  #hashcode = "";
  readonly #wholes = new Map<string, Buffer>();
  readonly #vips = new Map<boolean, Vips>();

  constructor(source: Source, account: Account) {
    this.#source = source;
    this.#account = account;
  }

  /** Bytes of encoded answers kept here. */
  get bytes(): number {
    let sum = 0;
    for (const { piece } of this.#applications.values()) sum += piece.bytes;
    for (const whole of this.#wholes.values()) sum += whole.length;
    return sum;
  }

  forget(): void {
    this.#revision = -1;
    this.#applications.clear();
    this.#wholes.clear();
    this.#vips.clear();
  }

  /** Everything. */
  all(view: View, form: Form): Buffer {
    this.#refresh(view);
    const key = `${form.format} ${form.gzip}`;
    let whole = this.#wholes.get(key);
    if (whole === undefined) {
      const pieces = [...this.#applications.values()].map(({ piece }) => piece);
      whole = joinApplications(form, VERSION_FULL, this.#hashcode, pieces);
      this.#wholes.set(key, whole);
    }
    return whole;
  }

  /** One application; undefined when nobody is there. */
  application(view: View, name: string, form: Form): Buffer | undefined {
    this.#refresh(view);
    const shown = this.#applications.get(name);
    return shown === undefined ? undefined : joinApplication(form, shown.piece);
  }

  /** The hash over all instances. */
  hashcode(view: View): string {
    this.#refresh(view);
    return this.#hashcode;
  }

  applications(view: View): Iterable<ShownApplication> {
    this.#refresh(view);
    return this.#applications.values();
  }

  /** Those with this (secure) vip address; no error when there are none. */
  vip(view: View, address: string, secure: boolean, form: Form): Buffer {
    this.#refresh(view);
    const counts: Counts = {};
    const byApp = new Map<string, InstanceRecord[]>();
    for (const record of this.#vipsOf(view, secure).get(address) ?? []) {
      const status = shownStatus(record);
      counts[status] = (counts[status] ?? 0) + 1;
      const app = record.service.toUpperCase();
      const records = byApp.get(app);
      if (records === undefined) byApp.set(app, [record]);
      else records.push(record);
    }
    const pieces = [...byApp].map(
      ([app, records]) =>
        new Piece((format) => writeRecords(this.#source, this.#account, format, app, records, () => "ADDED")),
    );
    return joinApplications(form, VERSION_FULL, toHashcode(counts), pieces);
  }

  #vipsOf(view: View, secure: boolean): Vips {
    const known = this.#vips.get(secure);
    if (known !== undefined) return known;
    const vips = new Map<string, InstanceRecord[]>();
    for (const app of this.#applications.keys())
      for (const record of instancesOf(this.#source, view, this.#account, app))
        for (const address of new Set(vipAddressOf(record, secure)?.split(","))) {
          const records = vips.get(address);
          if (records === undefined) vips.set(address, [record]);
          else records.push(record);
        }
    this.#vips.set(secure, vips);
    return vips;
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
      const shown = isSame ? known : showApplication(this.#source, view, this.#account, wanted);
      next.set(wanted.name, shown);
      addCounts(counts, shown.counts);
    }
    this.#applications = next;
    this.#hashcode = toHashcode(counts);
    this.#wholes.clear();
    this.#vips.clear();
    this.#revision = revision;
  }
}
