/** The answer to reads of a whole service: encoded once for each of its revisions, in parts when it is long. */
import { type AccountView, type InstanceRecord, perRevision, type ServiceView } from "../../../core/index.ts";
import { toTtl } from "../../../native/wire/numbers.ts";
import { toInstanceBody } from "../../../native/wire/records.ts";
import { PART_BYTES } from "../../../net/answers/parts.ts";
import { Head } from "../../../net/http/head.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Mark } from "../../../net/routes/position.ts";
import { toStateHeaders } from "../answers.ts";
import { encodeTag } from "../wire/tags.ts";

/** An instance as it is at one revision, with the ttl of its lease. */
export interface Shown {
  readonly record: InstanceRecord;
  readonly ttlMs: number | null;
}

export function show(account: AccountView | undefined, record: InstanceRecord): Shown {
  return { record, ttlMs: record.lease === null ? null : toTtl(account?.lease(record.lease)?.ttlMs) };
}

export function toShownBody({ record, ttlMs }: Shown) {
  return toInstanceBody(record, () => ttlMs);
}

/** Instances in all snapshots that are kept. */
const SNAPSHOTS_MAX = 2_000_000;
/** Of shorter lists none is kept: they are made sooner than found. */
const SNAPSHOT_MIN = 200;

/** The instances of a service; all answers that are long in going out share them. */
export const snapshotOf = perRevision(
  (service: ServiceView, account: AccountView): readonly Shown[] =>
    Array.from(service.instances.values(), (record) => show(account, record)),
  { costMax: SNAPSHOTS_MAX, costOf: ({ length }) => (length < SNAPSHOT_MIN ? Number.POSITIVE_INFINITY : length) },
);

/** The text of a service at one revision, in parts that all its readers share. */
class Listing implements Iterable<Buffer> {
  readonly #start: string;
  readonly #instances: readonly Shown[];
  /** The first instance of each part that is known. */
  readonly #starts = [0];
  /** Parts that somebody holds, or that were encoded last. */
  readonly #parts: WeakRef<Buffer>[] = [];

  constructor({ name, revision }: ServiceView, instances: readonly Shown[]) {
    this.#start = `${JSON.stringify({ service: name, revision }).slice(0, -1)},"instances":[`;
    this.#instances = instances;
  }

  /** The text, if it is no longer than a part. */
  get whole(): Buffer | undefined {
    const part = this.#part(0);
    return this.#starts[1] === undefined ? part : undefined;
  }

  *[Symbol.iterator](): Iterator<Buffer> {
    for (let nth = 0; this.#starts[nth] !== undefined; nth++) yield this.#part(nth);
  }

  #part(nth: number): Buffer {
    const known = this.#parts[nth]?.deref();
    if (known !== undefined) return known;
    const all = this.#instances;
    let text = nth === 0 ? this.#start : "";
    let next = this.#starts[nth] as number;
    for (; next < all.length && text.length < PART_BYTES; next++)
      text += (next === 0 ? "" : ",") + JSON.stringify(toShownBody(all[next] as Shown));
    if (next < all.length) this.#starts[nth + 1] = next;
    const part = Buffer.from(next < all.length ? text : `${text}]}\n`);
    this.#parts[nth] = new WeakRef(part);
    keep(part);
    return part;
  }
}

const PARTS_BYTES_MAX = 32 * 1024 * 1024;

/** The parts that were encoded last, for the next who asks. When the younger half is full the older one is let go. */
let kept: readonly [young: Buffer[], old: Buffer[]] = [[], []];
let youngBytes = 0;

function keep(part: Buffer): void {
  if (youngBytes > PARTS_BYTES_MAX / 2) {
    kept = [[], kept[0]];
    youngBytes = 0;
  }
  kept[0].push(part);
  youngBytes += part.length;
}

const WHOLE_BYTES_MAX = 32 * 1024 * 1024;

/** The answer to most reads of a service. */
export const answerService = perRevision(
  (service: ServiceView, { account, mark }: { readonly account: AccountView; readonly mark: Mark }) => {
    const listing = new Listing(service, snapshotOf(service, account));
    const tag = encodeTag(service.revision, mark);
    const head = new Head({ "Content-Type": "application/json", ...toStateHeaders(tag) });
    return { status: 200, head, body: listing.whole ?? listing } satisfies Answer;
  },
  {
    costMax: WHOLE_BYTES_MAX,
    costOf: ({ body }) => (body instanceof Listing ? 0 : body.length),
  },
);
