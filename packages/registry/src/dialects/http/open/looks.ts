/** The JSON shapes of what people look at, as schemas. They mirror packages/client/src/find/looking.ts. */
import Type from "typebox";
import { count, duration, flag, object, optional, orNull, pairs, status, text, texts, time, words } from "./kinds.ts";
import { protectionLimits } from "./nodes.ts";

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
};
