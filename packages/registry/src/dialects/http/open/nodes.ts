/** The JSON shapes of nodes and of what they share, as schemas. They mirror packages/client/src/shapes.ts. */
import Type from "typebox";
import { count, flag, object, orNull, portNumber, ref, text, texts, time, words } from "./kinds.ts";

const limits = {
  instancesMax: count,
  servicesMax: count,
  keysMax: count,
  leasesMax: count,
  bytesMax: count,
  requestsPerSecondMax: count,
};

const node = { node: text, address: orNull(text), since: time, self: flag, reached: flag, present: flag, duty: flag };
const told = { heardMs: orNull(count), leases: orNull(count), revision: orNull(count) };
const member = { url: text, name: text, version: orNull(text), leader: flag, alarms: texts, error: orNull(text) };
const Cluster = object({
  nodes: Type.Array(
    object({ ...node, ...told, behind: orNull(object({ changes: orNull(count), ms: orNull(count) })) }),
  ),
  behind: object({ revisions: count, ms: Type.Number() }),
  partitioned: flag,
  etcd: Type.Array(object({ ...member, bytes: count, usedBytes: count, quotaBytes: orNull(count) })),
});

export const protectionLimits = object({
  enabled: flag,
  windowMs: count,
  instancesMin: count,
  shareMin: Type.Number(),
  holdMs: count,
});

const holds = { services: count, instances: count, leases: count, held: count, keys: count, bytes: count };

export const NODES = {
  Limits: object(limits),
  PartialLimits: Type.Partial(object(limits)),
  NodeStatus: object({
    node: text,
    version: text,
    startedAt: time,
    now: time,
    ready: flag,
    reason: orNull(text),
    stale: orNull(text),
    replicator: text,
    revision: count,
    floor: count,
    oldest: object({ revision: count, at: orNull(time) }),
    store: object({ bytes: count, bytesMax: count, diskBytes: orNull(count) }),
    memory: object({ residentBytes: count, heapBytes: count, heapMaxBytes: count }),
    watchers: count,
    protection: protectionLimits,
    open: flag,
    endpoints: Type.Array(object({ dialect: text, scheme: text, host: text, port: portNumber })),
    differences: Type.Array(object({ node: text, settings: texts })),
    accounts: Type.Array(object({ account: text, ...holds, limits: ref("Limits") })),
    cluster: orNull(Cluster),
  }),
  Members: object({
    members: Type.Array(
      object({
        ...{ node: text, self: flag, role: words("alone", "duty", "member"), address: orNull(text), reached: flag },
        ...{ version: orNull(text), since: time, lastSeenAt: orNull(time) },
        ...{ leases: orNull(count), revision: orNull(count) },
        lag: object({ revisions: orNull(count), ms: orNull(count) }),
      }),
    ),
  }),
};
