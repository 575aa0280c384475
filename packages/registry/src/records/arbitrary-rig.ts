/** Arbitrary records, commits and rows. */
import fc from "fast-check";
import {
  type Author,
  type Cause,
  type Change,
  type Check,
  type Commit,
  type EmptyDirectory,
  type InstanceRecord,
  type KeyRecord,
  type LeaseRecord,
  STATUSES,
} from "../core/index.ts";
import type { StateRow } from "./state/row.ts";

/** Plain objects, as the core makes them. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

/** Any UTF-16, lone surrogates and NULs too. */
export const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
);
export const bytes = fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some).toString("latin1"));
const count = fc.oneof(
  fc.nat({ max: 300 }),
  fc.nat({ max: 2 ** 31 - 1 }),
  fc.maxSafeNat().map((n) => n % 2 ** 50),
);
export const number = fc.oneof(
  count,
  count.map((n) => -n).map((n) => n || 0),
  fc.double({ noNaN: true }).map((n) => n || 0),
);
const atMs = fc.integer({ min: 0, max: 2 ** 42 });
const name = fc.oneof(text, fc.constantFrom("__proto__", "constructor", "0", "10", ""));
const meta = fc.dictionary(name, text, { maxKeys: 5, noNullPrototype: true });
const status = fc.constantFrom(...STATUSES);
const cause = fc.constantFrom<Cause>("registered", "updated", "reported", "overridden", "deregistered", "granted");
const causeOfEnd = fc.constantFrom<Cause>("closed", "expired", "held", "released", "put", "deleted");
const held = fc.option(
  fc.oneof(record({ sinceMs: atMs, reason: text }), record({ sinceMs: atMs, reason: text, untilMs: atMs })),
);

const plainCheck: fc.Arbitrary<Check> = record({
  id: text,
  kind: fc.constantFrom("ttl", "http", "tcp", "grpc", "udp", "http2", "exec", "reported"),
  name: text,
  target: text,
  intervalMs: number,
  timeoutMs: number,
  status,
  output: text,
  reportedAtMs: atMs,
});
const probe = fc.record(
  {
    method: text,
    headers: fc.dictionary(text, fc.array(text, { maxLength: 2 }), { maxKeys: 2, noNullPrototype: true }),
    rise: fc.nat(),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const check: fc.Arbitrary<Check> = fc.oneof(
  plainCheck,
  fc.tuple(plainCheck, probe).map(([plain, probe]) => ({ ...plain, probe })),
  fc.tuple(plainCheck, atMs).map(([plain, sinceMs]) => ({ ...plain, sinceMs })),
  fc.tuple(plainCheck, probe, atMs).map(([plain, probe, sinceMs]) => ({ ...plain, probe, sinceMs })),
);

const overridden = record({ sinceMs: atMs, untilMs: fc.oneof(fc.constant(0), atMs), reason: text, by: text });
const standing = fc.record({ overridden, statusAtMs: atMs }, { requiredKeys: [], noNullPrototype: true });

const instance: fc.Arbitrary<InstanceRecord> = record({
  service: text,
  id: text,
  address: text,
  ports: fc.dictionary(name, fc.nat({ max: 65535 }), { maxKeys: 4, noNullPrototype: true }),
  protocol: text,
  tags: fc.array(text, { maxLength: 4 }),
  meta,
  version: text,
  zone: text,
  weight: number,
  status,
  checks: fc.array(check, { maxLength: 2 }),
  via: text,
  lease: fc.option(text),
  override: fc.option(status),
  held,
  createRevision: count,
  modRevision: count,
  createdAtMs: atMs,
  stampMs: atMs,
  origin: text,
})
  .chain((one) => fc.boolean().map((own) => (own ? { ...one, lease: `${one.service}/${one.id}` } : one)))
  .chain((one) => standing.map((more) => ({ ...one, ...more })));

const lease: fc.Arbitrary<LeaseRecord> = record({
  id: text,
  ttlMs: fc.oneof(number, fc.constant(Number.POSITIVE_INFINITY)),
  via: text,
  own: fc.boolean(),
  meta,
  held,
  createRevision: count,
  modRevision: count,
  grantedAtMs: atMs,
  origin: text,
});

const entry: fc.Arbitrary<KeyRecord> = record({
  key: bytes,
  value: bytes,
  lease: fc.option(text),
  atEnd: fc.constantFrom("delete", "detach"),
  detachedAtMs: fc.oneof(fc.constant(0), atMs),
  version: count,
  createRevision: count,
  modRevision: count,
  createdAtMs: atMs,
  stampMs: atMs,
  origin: text,
});

const silence = fc.option(record({ deadlineMs: atMs, lastBeatMs: atMs, beats: count }));

const change: fc.Arbitrary<Change> = fc.oneof(
  record({ kind: fc.constant("instance" as const), cause, before: fc.option(instance), after: fc.option(instance) }),
  record({
    kind: fc.constant("lease" as const),
    cause: causeOfEnd,
    before: fc.option(lease),
    after: fc.option(lease),
    silence,
  }),
  record({
    kind: fc.constant("key" as const),
    cause: causeOfEnd,
    before: fc.option(entry),
    after: fc.option(entry),
  }),
);

const AUTHORS: readonly Author[] = [
  { token: null, dialect: "dns", address: "" },
  { token: { id: "1", name: "deploy \ud800" }, dialect: "http", address: "10.0.0.1" },
  { token: { id: "", name: "" }, dialect: "http", address: "::1" },
];

export const group: fc.Arbitrary<Commit[]> = fc
  .tuple(
    fc.nat({ max: 2 ** 40 }),
    atMs,
    fc.array(
      record({
        gap: fc.integer({ min: 1, max: 1000 }),
        laterMs: fc.nat({ max: 5000 }),
        aheadMs: fc.option(fc.integer({ min: -1e12, max: 1e12 }), { nil: 0 }),
        account: fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/),
        nth: fc.nat({ max: 9999 }),
        by: fc.option(fc.constantFrom(...AUTHORS), { nil: undefined }),
        changes: fc.array(change, { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  )
  .map(([start, startMs, commits]) => {
    let revision = start;
    let orderMs = startMs;
    return commits.map(({ gap, laterMs, aheadMs, account, nth, changes, by }) => {
      revision += gap;
      orderMs += laterMs;
      const commit = { revision, account, atMs: orderMs + aheadMs, orderMs, nth, changes };
      return by === undefined ? commit : { ...commit, by };
    });
  });

const directory: fc.Arbitrary<EmptyDirectory> = record({ name: bytes, revision: count, children: count });

export const row: fc.Arbitrary<StateRow> = fc.oneof(
  record({
    kind: fc.constant("instance" as const),
    account: text,
    instance: fc.option(instance),
    lease: fc.option(lease),
  }),
  instance.chain((one) =>
    lease.map(
      (own): StateRow => ({
        kind: "instance",
        account: "a",
        instance: { ...one, lease: own.id },
        lease: own,
      }),
    ),
  ),
  record({ kind: fc.constant("lease" as const), account: text, lease }),
  record({ kind: fc.constant("key" as const), account: text, entry }),
  record({
    kind: fc.constant("account" as const),
    account: text,
    createdAtMs: atMs,
    revision: count,
    catalogRevision: count,
    keysRevision: count,
    forgottenDirectories: count,
    directoriesSince: count,
  }),
  record({
    kind: fc.constant("service" as const),
    account: text,
    service: record({ name: text, revision: count, changedAtMs: atMs, lostAtMs: atMs }),
  }),
  record({ kind: fc.constant("directory" as const), account: text, directory }),
  record({ kind: fc.constant("empty" as const), account: text, directories: fc.array(directory, { maxLength: 3 }) }),
);
