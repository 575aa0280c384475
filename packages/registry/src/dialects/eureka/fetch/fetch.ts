/**
 * @live What clients fetch: everything, what has changed, one application, one address, one instance.
 *
 *     Fetch                        bounds the bytes that all of these keep
 *       ├── Full                   one for each account: all that is registered
 *       │     ├── Bodies           its answers, until the account's catalog changes
 *       │     └── Chunks           one for each application, filled again when its services have changed, in turns
 *       └── Deltas                 follows the registry
 *             └── Window           one for each account: the instances that changed in the last minutes
 *                   ├── Bodies     its answers, until a change comes or goes
 *                   └── Chunks     one for each application with changes
 *
 *     Chunks                       the instances of one application, in slots by their ids
 *       └── Chunk                  some 48 of them, replaced when one of them is another record
 *             ├── Piece            their text: encoded and compressed once, when it is first asked for
 *             └── Vips             which of them have a vip address; the parts that were asked for have pieces, too
 *
 * A body is an answer in one form: JSON or XML, compressed or not. It is its pieces joined, compressed ones as well
 * (gzip.ts), so that a change costs the piece that it is in, however long the answer is. What is long, or has much that
 * was never encoded, goes out piece by piece instead.
 */
import {
  type Account,
  type Clock,
  type Following,
  type InstanceRecord,
  keepUp,
  type Registry,
  type View,
} from "../../../core/index.ts";
import type { Body } from "../../../net/answers/parts.ts";
import { inTurn } from "../../../net/answers/turns.ts";
import { hear, whenHeard } from "../../../net/routes/heard.ts";
import { infoOf } from "../instances/info.ts";
import { findInstance } from "../instances/registration.ts";
import { overrideOf } from "../instances/status.ts";
import { writeInstance } from "../wire/bodies.ts";
import type { EurekaStatus, Format } from "../wire/messages.ts";
import { setText } from "../wire/tree.ts";
import { instancesOf, type Source } from "./application.ts";
import type { Counts } from "./counts.ts";
import type { Deltas } from "./deltas.ts";
import { Full } from "./full.ts";
import type { Form } from "./piece.ts";

/** Bytes that are kept. The account that has not been asked for longest gives way. */
const BYTES_MAX = 256 * 1024 * 1024;
/** Accounts that something is kept for. */
const ACCOUNTS_MAX = 1000;
/** After so many answers of one application or address the bytes are counted again. */
const SINGLES = 256;

/** How many an account has. */
export interface Summary {
  readonly applications: number;
  readonly instances: number;
  readonly counts: Readonly<Counts>;
  readonly listed: readonly { readonly name: string; readonly records: readonly InstanceRecord[] }[];
}

export interface FetchParts extends Source {
  readonly clock: Clock;
  readonly deltas: Deltas;
}

/** Undefined when there is no such instance. */
type Written = string | undefined | Promise<string>;

export class Fetch {
  readonly #parts: FetchParts;
  readonly #registry: Registry;
  readonly #following: Following;
  /** In the order in which they were last asked for. */
  readonly #accounts = new Map<Account, Full>();
  #latest: Account | undefined;
  /** The body given last. */
  #latestBody: Body | undefined;
  #singles = 0;

  constructor(parts: FetchParts) {
    this.#parts = parts;
    this.#registry = parts.registry;
    this.#following = keepUp(
      parts.registry,
      { anyService: true },
      {
        read: () => {
          for (const full of this.#accounts.values()) full.forget();
        },
        take: (commit) => this.#accounts.get(commit.account)?.learn(commit),
      },
    );
  }

  close(): void {
    this.#following.close();
  }

  all(account: Account, form: Form): Body | Promise<Body> {
    const full = this.#of(account);
    return this.#after(
      (view) => full.step(view),
      () => this.#settled(account, full.all(form)),
    );
  }

  /** Undefined: changes are missing that clients need. They fetch everything then. */
  delta(account: Account, form: Form): Body | undefined | Promise<Body | undefined> {
    const full = this.#of(account);
    const window = this.#parts.deltas.of(account);
    return this.#after(
      (view) => full.step(view) && window.step(view),
      (view) => {
        // Java's clients take -1 for a server without deltas, so it begins with 1.
        const version = String(Math.max(1, view.account(account)?.catalogRevision ?? 0));
        const nowMs = this.#parts.clock.monotonic();
        return this.#settled(account, window.answer(view, nowMs, form, version, full.hashcode));
      },
    );
  }

  application(account: Account, name: string, form: Form): Body | undefined {
    const full = this.#of(account);
    const body = this.#registry.read((view) => full.application(view, name, form));
    this.#settleSometimes(account, body);
    return body;
  }

  vip(account: Account, address: string, secure: boolean, form: Form): Body | Promise<Body> {
    const full = this.#of(account);
    const query = { address, secure };
    let seek: (() => boolean) | undefined;
    return this.#after(
      (view) => {
        if (!full.step(view)) return false;
        seek ??= full.seeking(query);
        return seek();
      },
      () => {
        const body = full.vip(query, form);
        this.#settleSometimes(account, body);
        return body;
      },
    );
  }

  /** Carries out steps, each in a turn of its own, until one answers true; then makes an answer, at the same revision. */
  #after<T>(step: (view: View) => boolean, make: (view: View) => T): T | Promise<T> {
    const go = (): { readonly made: T } | undefined =>
      this.#registry.read((view) => (step(view) ? { made: make(view) } : undefined));
    const done = go();
    if (done !== undefined) return done.made;
    return new Promise((resolve, reject) => {
      const next = (): void => {
        try {
          const done = go();
          if (done === undefined) inTurn(next);
          else resolve(done.made);
        } catch (error) {
          reject(error);
        }
      };
      inTurn(next);
    });
  }

  instance(account: Account, app: string, id: string, format: Format): Written {
    const record = this.#registry.read((view) => findInstance(view, account, app, id));
    return record && this.#write(account, record, format);
  }

  /** The first with this id, whatever its application. */
  instanceById(account: Account, id: string, format: Format): Written {
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

  /** How many there are; and applications by name with their instances, until these are `instancesMin` or more. */
  summary(account: Account, instancesMin: number): Summary | Promise<Summary> {
    const full = this.#of(account);
    return this.#after(
      (view) => full.step(view),
      (view) => {
        const { names, counts } = full.summary;
        const instances = Object.values(counts).reduce((sum, count) => sum + count, 0);
        const listed: { name: string; records: InstanceRecord[] }[] = [];
        const sorted = names.toSorted();
        for (let count = 0, nth = 0; count < instancesMin && nth < sorted.length; nth++) {
          const name = sorted[nth] as string;
          const records = instancesOf(this.#parts, view, account, name);
          count += records.length;
          listed.push({ name, records });
        }
        return { applications: names.length, instances, counts, listed };
      },
    );
  }

  #write(account: Account, record: InstanceRecord, format: Format): string | Promise<string> {
    const heard = hear(this.#registry, account, record.lease === null ? [] : [record.lease]);
    return whenHeard(heard, (known) => writeInstance(format, infoOf(this.#parts, account, record, "ADDED", known)));
  }

  #of(account: Account): Full {
    let full = this.#accounts.get(account);
    if (full === undefined) {
      full = new Full(this.#parts, account);
      if (this.#accounts.size >= ACCOUNTS_MAX) this.#accounts.clear();
    }
    if (this.#latest !== account) {
      this.#accounts.delete(account);
      this.#accounts.set(account, full);
      this.#latest = account;
    }
    return full;
  }

  /** These bodies are made anew each time, and each keeps little more: the bytes are counted now and then. */
  #settleSometimes(account: Account, body: Body | undefined): void {
    if (++this.#singles % SINGLES === 0) this.#settle(account, body);
  }

  #settled<B extends Body | undefined>(account: Account, body: B): B {
    this.#settle(account, body);
    return body;
  }

  /** Keeps the bytes within their bound. A body that was there already has added none. */
  #settle(account: Account, body: Body | undefined): void {
    if (body === undefined || body === this.#latestBody) return;
    this.#latestBody = body;
    let bytes = 0;
    const { deltas } = this.#parts;
    for (const [name, full] of this.#accounts) bytes += full.bytes + deltas.of(name).bytes;
    for (const [name, full] of this.#accounts) {
      if (bytes <= BYTES_MAX) return;
      bytes -= full.bytes + deltas.of(name).bytes;
      full.forget();
      deltas.of(name).forget();
      if (name !== account) this.#accounts.delete(name);
    }
  }
}
