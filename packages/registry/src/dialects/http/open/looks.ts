/** The JSON shapes of what people look at, as schemas. They mirror packages/client/src/find/looking.ts. */
import Type from "typebox";
import {
  count,
  duration,
  flag,
  object,
  optional,
  orNull,
  pairs,
  portNumber,
  ref,
  status,
  text,
  texts,
  time,
  words,
} from "./kinds.ts";
import { protectionLimits } from "./nodes.ts";
import { author } from "./past.ts";

const next = orNull(text);
const happened = { at: time, revision: count, cause: text, reason: text, by: author };

const counted = { service: text, instances: count, usable: count };

export const LOOKS = {
  Protection: object({
    revision: count,
    state: words("off", "ready", "holding"),
    limits: protectionLimits,
    ...{ live: count, silent: count, elsewhere: count, held: count },
    zones: Type.Record(Type.String(), count),
    since: orNull(time),
    until: orNull(time),
    services: Type.Array(object({ ...counted, held: count, since: time, until: orNull(time), reason: text })),
  }),
  AskOverrides: object({
    filter: object({
      ...{ service: optional(text), zone: optional(text), version: optional(text), protocol: optional(text) },
      ...{ status: optional(texts), tags: optional(texts), meta: optional(pairs) },
    }),
    status: orNull(status),
    reason: optional(text),
    ttl: optional(duration),
    dry: optional(flag),
  }),
  Overridden: object({
    ...{ revision: count, dry: flag, matched: count, changed: count },
    services: Type.Array(object({ ...counted, matched: count, usableAfter: count })),
  }),
  Search: object({
    revision: count,
    services: Type.Array(object(counted)),
    instances: Type.Array(object({ service: text, id: text, address: text, port: portNumber, status, held: flag })),
    keys: texts,
    complete: flag,
  }),
  KeyVersion: object({
    ...happened,
    ...{
      version: count,
      deleted: flag,
      value: orNull(text),
      valueBase64: optional(text),
      size: count,
      lease: orNull(text),
    },
  }),
  KeyHistory: object({
    key: text,
    versions: Type.Array(ref("KeyVersion")),
    next,
    oldest: object({ revision: count, at: orNull(time) }),
  }),
  Gone: object({
    service: text,
    since: time,
    gone: Type.Array(object({ id: text, ...happened, last: ref("Instance") })),
    next,
  }),
  Histogram: object({
    ...{ from: time, to: time, stepMs: count, events: count },
    buckets: Type.Array(object({ at: time, counts: Type.Record(Type.String(), count) })),
  }),
  Moment: object({ revision: count, at: orNull(time) }),
};
