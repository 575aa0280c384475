/** What a watch asks for: from query parameters, or from a body with many subscriptions. */
import { type Bytes, LIMITS, type Outcome, ok, type Revision, refuse, toBytes } from "../../../core/index.ts";
import type { Interest } from "../../../native/wire/commits.ts";
import { Fields } from "../../../native/wire/fields.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Json } from "../../../net/routes/json.ts";
import { decodePosition, type Mark } from "../../../net/routes/position.ts";

export const SUBSCRIPTIONS_MAX = 10_000;
const SERVICES_MAX = 1000;
/** Each changed key is compared with each prefix of each stream. */
const PREFIXES_MAX = 1000;

export interface Subscription {
  readonly id: string;
  readonly service?: string;
  readonly key?: Bytes;
  readonly prefix?: Bytes;
}

/** `service`, `key` and `prefix`, each any number of times; without any of them, everything in the account. */
export function decodeInterest(query: Query): Outcome<Interest> {
  const services = query.all("service");
  if (services.length > SERVICES_MAX) return refuse("too-large", `more than ${SERVICES_MAX} services`);
  if (services.includes("")) return refuse("invalid", "query parameter service must not be empty");
  const keys = query.all("key").map(toBytes);
  const prefixes = query.all("prefix").map(toBytes);
  if (keys.some((key) => key === "")) return refuse("invalid", "query parameter key must not be empty");
  const everything = services.length + keys.length + prefixes.length === 0;
  return ok({ services: new Set(services), keys: new Set(keys), prefixes, everything });
}

/**
 * The revision after which a stream begins: `Last-Event-ID` is the newer word, because browsers repeat the address as it
 * was. `ELSEWHERE` for a position of another order.
 */
export function decodeStart(
  lastEventId: string | undefined,
  after: string | undefined,
  mark: Mark,
): Outcome<Revision | undefined> {
  const text = lastEventId === undefined || lastEventId === "" ? after : lastEventId;
  if (text === undefined) return ok(undefined);
  const position = decodePosition(text, mark);
  return position === undefined || position.index !== undefined
    ? refuse(
        "invalid",
        `${text === after ? "query parameter after" : "Last-Event-ID"} must be a revision or a position`,
      )
    : ok(position.revision);
}

const WATCH_FIELDS: ReadonlySet<string> = new Set(["subscriptions", "after"]);
const SUBSCRIPTION_FIELDS: ReadonlySet<string> = new Set(["id", "service", "key", "prefix"]);

export interface Multiplex {
  readonly subscriptions: readonly Subscription[];
  readonly after: number | undefined;
}

export function decodeMultiplex(body: Json, mark: Mark): Outcome<Multiplex> {
  const fields = new Fields(body, WATCH_FIELDS);
  fields.need("subscriptions");
  const list = fields.list("subscriptions", SUBSCRIPTIONS_MAX);
  const ids = new Set<string>();
  const subscriptions: Subscription[] = [];
  for (let i = 0; i < list.length && fields.fault === undefined; i++) {
    const inner = new Fields(list[i], SUBSCRIPTION_FIELDS, `subscriptions[${i}].`);
    const subscription = readSubscription(inner);
    fields.adopt(inner.fault);
    if (ids.has(subscription.id)) fields.fail(`subscriptions[${i}].id is there twice`);
    ids.add(subscription.id);
    subscriptions.push(subscription);
  }
  if (list.length === 0) fields.fail("field subscriptions must not be empty");
  if (new Set(subscriptions.map(({ prefix }) => prefix)).size > PREFIXES_MAX)
    fields.adopt(refuse("too-large", `field subscriptions holds more than ${PREFIXES_MAX} prefixes`));
  const after = fields.has("after") ? readAfter(fields, mark) : undefined;
  return fields.outcome({ subscriptions, after });
}

function readAfter(fields: Fields, mark: Mark): Revision {
  const raw = fields.raw("after");
  if (typeof raw !== "string") return fields.integer("after", 0, 0, Number.MAX_SAFE_INTEGER);
  const position = decodePosition(raw, mark);
  if (position !== undefined && position.index === undefined) return position.revision;
  fields.expected("after", "a revision or a position", raw);
  return 0;
}

function readSubscription(fields: Fields): Subscription {
  fields.need("id");
  const id = fields.text("id", "");
  const asked = ["service", "key", "prefix"].filter((name) => fields.has(name));
  if (asked.length > 1) fields.fail(`subscription ${id} must have one of service, key and prefix`);
  if (fields.has("service")) return { id, service: fields.text("service", "") };
  if (fields.has("key")) return { id, key: toBytes(fields.text("key", "", LIMITS.keyBytesMax)) };
  if (fields.has("prefix")) return { id, prefix: toBytes(fields.text("prefix", "", LIMITS.keyBytesMax)) };
  return { id };
}
