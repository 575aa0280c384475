/** What clients fetch: everything, what has changed, one application, one address, one instance. */
import type { Account, Clock, InstanceRecord, Registry } from "../../../core/index.ts";
import { overrideOf } from "../instances/status.ts";
import { writeInstance } from "../wire/bodies.ts";
import type { EurekaStatus, Format } from "../wire/messages.ts";
import { setText } from "../wire/tree.ts";
import { AccountAnswers } from "./account.ts";
import { infoOf, instancesOf, type Source } from "./application.ts";
import { addCounts, type Counts } from "./chunks.ts";
import type { Deltas } from "./delta.ts";
import type { Form } from "./piece.ts";

/** Bytes of encoded answers that are kept. The account that has not been asked for longest gives way. */
const BYTES_MAX = 256 * 1024 * 1024;
/** Accounts whose answers are kept. */
const ACCOUNTS_MAX = 1000;
/** After so many answers of one application or address what is kept is counted again. */
const SINGLES = 256;

export interface FetchParts extends Source {
  readonly clock: Clock;
  readonly deltas: Deltas;
}

export class Fetch {
  readonly #parts: FetchParts;
  readonly #registry: Registry;
  /** The one asked for last is the last. */
  readonly #accounts = new Map<Account, AccountAnswers>();
  #latest: Account | undefined;
  /** The answer given last. */
  #whole: Buffer | undefined;
  #singles = 0;

  constructor(parts: FetchParts) {
    this.#parts = parts;
    this.#registry = parts.registry;
  }

  all(account: Account, form: Form): Buffer {
    const answers = this.#of(account);
    const whole = this.#registry.read((view) => answers.all(view, form));
    this.#settle(account, whole);
    return whole;
  }

  /** Undefined: changes are missing that clients need. They fetch everything then. */
  delta(account: Account, form: Form): Buffer | undefined {
    const answers = this.#of(account);
    const window = this.#parts.deltas.of(account);
    const whole = this.#registry.read((view) => {
      // Java's clients take -1 for a server without deltas, so it begins with 1.
      const version = String(Math.max(1, view.account(account)?.catalogRevision ?? 0));
      return window.answer(view, this.#parts.clock.now(), form, version, answers.hashcode(view));
    });
    this.#settle(account, whole);
    return whole;
  }

  application(account: Account, name: string, form: Form): Buffer | undefined {
    const answers = this.#of(account);
    const whole = this.#registry.read((view) => answers.application(view, name, form));
    this.#countSingle(account, whole);
    return whole;
  }

  vip(account: Account, address: string, secure: boolean, form: Form): Buffer {
    const answers = this.#of(account);
    const whole = this.#registry.read((view) => answers.vip(view, { address, secure }, form));
    this.#countSingle(account, whole);
    return whole;
  }

  instance(account: Account, app: string, id: string, format: Format): string | undefined {
    const record = this.#registry.read((view) => this.#parts.spellings.find(view, account, app, id));
    return record && this.#write(account, record, format);
  }

  /** The first with this id, whatever its application. */
  instanceById(account: Account, id: string, format: Format): string | undefined {
    const [record] = this.#registry.read((view) => view.instancesById(account, id));
    return record && this.#write(account, record, format);
  }

  /** What operators said, by instance id. */
  overrides(account: Account): Record<string, EurekaStatus> {
    const found: Record<string, EurekaStatus> = {};
    this.#registry.read((view) => {
      for (const record of view.account(account)?.instances() ?? []) {
        const override = overrideOf(record);
        if (override !== "UNKNOWN") setText(found, record.id, override);
      }
    });
    return found;
  }

  /** How many there are of what. */
  summary(account: Account): { readonly applications: number; readonly instances: number; readonly counts: Counts } {
    const answers = this.#of(account);
    return this.#registry.read((view) => {
      const counts: Counts = {};
      let applications = 0;
      for (const shown of answers.applications(view)) {
        applications++;
        addCounts(counts, shown.counts);
      }
      const instances = Object.values(counts).reduce((sum, count) => sum + count, 0);
      return { applications, instances, counts };
    });
  }

  /** Applications by name, with their instances; at least the first so many of these. */
  listing(
    account: Account,
    instancesMin: number,
  ): readonly { readonly name: string; readonly records: readonly InstanceRecord[] }[] {
    const answers = this.#of(account);
    return this.#registry.read((view) => {
      const names = [...answers.applications(view)].map(({ name }) => name).sort();
      const listed: { name: string; records: InstanceRecord[] }[] = [];
      for (let count = 0, nth = 0; count < instancesMin && nth < names.length; nth++) {
        const name = names[nth] as string;
        const records = instancesOf(this.#parts, view, account, name);
        count += records.length;
        listed.push({ name, records });
      }
      return listed;
    });
  }

  #write(account: Account, record: InstanceRecord, format: Format): string {
    return writeInstance(format, infoOf(this.#parts, account, record, "ADDED", record.service.toUpperCase()));
  }

  #of(account: Account): AccountAnswers {
    let answers = this.#accounts.get(account);
    if (answers === undefined) {
      answers = new AccountAnswers(this.#parts, account);
      if (this.#accounts.size >= ACCOUNTS_MAX) this.#accounts.clear();
    }
    if (this.#latest !== account) {
      this.#accounts.delete(account);
      this.#accounts.set(account, answers);
      this.#latest = account;
    }
    return answers;
  }

  /** Such answers are never the same twice, and each adds little: they are looked at now and then. */
  #countSingle(account: Account, whole: Buffer | undefined): void {
    if (++this.#singles % SINGLES === 0) this.#settle(account, whole);
  }

  /** Sees to it that all that is kept stays within bounds. An answer that was there already changes nothing. */
  #settle(account: Account, whole: Buffer | undefined): void {
    if (whole === undefined || whole === this.#whole) return;
    this.#whole = whole;
    let bytes = 0;
    const { deltas } = this.#parts;
    for (const [name, answers] of this.#accounts) bytes += answers.bytes + deltas.of(name).bytes;
    for (const [name, answers] of this.#accounts) {
      if (bytes <= BYTES_MAX) return;
      bytes -= answers.bytes + deltas.of(name).bytes;
      answers.forget();
      deltas.of(name).forget();
      if (name !== account) this.#accounts.delete(name);
    }
  }
}
