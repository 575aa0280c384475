/** The JSON shapes of what was, as schemas. They mirror packages/client/src/follow/past.ts. */
import Type from "typebox";
import { CAUSES, STATUSES } from "../../../core/index.ts";
import { count, object, optional, orNull, ref, status, text, time, words } from "./kinds.ts";

export const author = orNull(
  object({ token: orNull(object({ id: orNull(text), name: text })), dialect: text, address: orNull(text) }),
);

const countOf = (names: readonly string[]) => object(Object.fromEntries(names.map((name) => [name, count])));

export const statusCounts = Type.Partial(countOf(STATUSES));
const standings = countOf([...STATUSES, "held"]);

const cause = words(...CAUSES);
const moment = object({ revision: count, at: orNull(time) });

const net = {
  what: words("came", "left", "changed"),
  cause,
  reason: text,
  at: time,
  revision: count,
  by: author,
  firstAt: time,
  firstRevision: count,
  times: count,
};

const sides = (name: string) => ({ before: orNull(ref(name)), after: orNull(ref(name)) });

const NetChange = Type.Union([
  object({
    kind: Type.Literal("instance"),
    service: text,
    id: text,
    fields: Type.Array(text),
    ...net,
    ...sides("Instance"),
  }),
  object({ kind: Type.Literal("key"), key: text, ...net, ...sides("Key") }),
]);

const span = object({
  status: Type.Union([status, Type.Literal("gone")]),
  held: Type.Boolean(),
  from: time,
  to: orNull(time),
  cause: orNull(cause),
  revision: orNull(count),
});

const key = object({ service: text, id: text });

const at = { at: time, revision: count };

const Explain = object({
  service: text,
  id: text,
  present: Type.Boolean(),
  summary: text,
  instance: orNull(ref("Instance")),
  last: orNull(ref("Instance")),
  came: orNull(object({ ...at, via: text })),
  keptAliveBy: orNull(
    object({
      lease: text,
      ttlMs: orNull(count),
      lastBeatAt: orNull(time),
      beats: count,
      beatIntervalMs: orNull(count),
      beatsTooRare: Type.Boolean(),
      expiresAt: orNull(time),
      keptBy: optional(text),
    }),
  ),
  gone: orNull(object({ ...at, cause: text, reason: text })),
  history: Type.Array(object({ ...at, cause: text, reason: text })),
});

export const PAST = {
  Explain,
  NetChange,
  NetChanges: object({
    from: moment,
    to: moment,
    counts: object({ from: standings, to: standings }),
    came: count,
    left: count,
    changed: count,
    keys: count,
    commits: count,
    changes: Type.Array(ref("NetChange")),
    next: orNull(count),
  }),
  InstanceHistory: object({ service: text, id: text, since: time, spans: Type.Array(span) }),
  AskHistories: object({ instances: Type.Array(key, { maxItems: 100 }), from: optional(text), to: optional(text) }),
  Histories: object({ since: time, histories: Type.Array(ref("InstanceHistory")) }),
  ServiceHistory: object({
    service: text,
    since: time,
    steps: Type.Array(object({ at: time, counts: Type.Partial(standings) })),
  }),
  MetricsHistory: object({
    stepMs: count,
    from: time,
    series: Type.Array(
      object({
        name: text,
        labels: Type.Record(Type.String(), text),
        rate: Type.Boolean(),
        points: Type.Array(orNull(Type.Number())),
      }),
    ),
  }),
};
