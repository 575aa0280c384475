/** The JSON shapes as schemas: what the description of the API is made of. They mirror packages/client/src/shapes.ts. */

import Type, { type TProperties } from "typebox";
import { CAUSES, PROBES, ROLES } from "../../../core/index.ts";
import {
  count,
  duration,
  flag,
  object,
  optional,
  orNull,
  pairs,
  placeOf,
  portNumber,
  ref,
  status,
  text,
  texts,
  time,
  words,
} from "./kinds.ts";
import { LOOKS } from "./looks.ts";
import { NODES } from "./nodes.ts";
import { author, PAST, statusCounts } from "./past.ts";
import { STORED } from "./stored.ts";

const checkKind = words("ttl", "http", "tcp", "grpc", "udp", "http2", "exec", "reported");
const role = words(...ROLES);
const held = orNull(object({ since: time, until: orNull(time), reason: text }));
const override = orNull(object({ status, reason: text, by: orNull(text), since: orNull(time), until: orNull(time) }));
const next = orNull(text);

const row = optional(Type.Integer({ minimum: 1, maximum: PROBES.rowMax }));
/** How a check is run, as it is said and shown. */
const probeFields = {
  ...{ method: optional(text), expect: optional(text), serverName: optional(text) },
  ...{ redirects: optional(flag), tls: optional(flag), skipVerify: optional(flag) },
  ...{ rise: row, fall: row, warnAfter: row },
};

const Check = object({
  id: text,
  kind: checkKind,
  name: text,
  target: text,
  intervalMs: count,
  timeoutMs: count,
  status,
  since: time,
  output: text,
  reportedAt: orNull(time),
  ...probeFields,
  lastRun: optional(object({ at: time, tookMs: count, status, output: text })),
});

const Instance = object({
  service: text,
  id: text,
  address: text,
  port: portNumber,
  ports: Type.Record(Type.String(), portNumber),
  protocol: text,
  tags: texts,
  meta: pairs,
  version: text,
  zone: text,
  weight: Type.Integer({ minimum: 0, maximum: 65535 }),
  status,
  statusSince: time,
  declaredStatus: status,
  override,
  checks: Type.Array(ref("Check")),
  lease: orNull(text),
  ttlMs: orNull(count),
  held,
  via: text,
  createdAt: time,
  updatedAt: time,
  createRevision: count,
  modRevision: count,
});

const RegisterCheck = object({
  id: optional(text),
  kind: optional(checkKind),
  name: optional(text),
  target: optional(text),
  interval: optional(duration),
  timeout: optional(duration),
  status: optional(status),
  headers: optional(Type.Record(Type.String(), Type.Union([text, texts]))),
  body: optional(text),
  ...probeFields,
});

const registerFields = {
  port: optional(portNumber),
  ports: optional(Type.Record(Type.String(), portNumber)),
  protocol: optional(text),
  tags: optional(texts),
  meta: optional(pairs),
  version: optional(text),
  zone: optional(text),
  weight: optional(Type.Integer({ minimum: 0, maximum: 65535 })),
  status: optional(status),
  checks: optional(Type.Array(ref("RegisterCheck"))),
  ttl: optional(duration),
  lease: optional(text),
};

const Lease = object({
  lease: text,
  ttlMs: orNull(count),
  via: text,
  own: Type.Boolean(),
  meta: pairs,
  held,
  grantedAt: time,
  lastBeatAt: orNull(time),
  beats: count,
  expiresAt: orNull(time),
  keptBy: optional(text),
  instances: optional(Type.Array(object({ service: text, id: text }))),
  keys: optional(texts),
});

const Key = object({
  key: text,
  value: orNull(text),
  valueBase64: optional(text),
  keyBase64: optional(text),
  version: count,
  createRevision: count,
  modRevision: count,
  lease: orNull(text),
});

const anyRecord = Type.Union([ref("Instance"), ref("Lease"), ref("Key"), Type.Null()]);

const cause = words(...CAUSES);

/** A change of one kind: what names it, and the record before and after. */
function change<T extends TProperties>(kind: string, names: T, record: string) {
  const side = orNull(ref(record));
  return object({ kind: Type.Literal(kind), cause, ...names, reason: text, before: side, after: side });
}

const CHANGES = {
  InstanceChange: change("instance", { service: text, id: text }, "Instance"),
  LeaseChange: change("lease", { lease: text }, "Lease"),
  KeyChange: change("key", { key: text }, "Key"),
};

const mapping = {
  instance: placeOf("InstanceChange"),
  lease: placeOf("LeaseChange"),
  key: placeOf("KeyChange"),
};

const Change = Type.Unsafe({
  oneOf: Object.values(mapping).map(($ref) => ({ $ref })),
  discriminator: { propertyName: "kind", mapping },
});

const Event = object({
  id: text,
  revision: count,
  at: time,
  type: text,
  service: optional(text),
  instance: optional(text),
  lease: optional(text),
  key: optional(text),
  reason: text,
  by: author,
  before: optional(anyRecord),
  after: optional(anyRecord),
});

const place = Type.Union([object({ key: text }), object({ prefix: text })]);

const Step = Type.Union([
  object({ put: object({ key: text, value: optional(text), valueBase64: optional(text), lease: optional(text) }) }),
  object({ delete: place }),
  object({ get: place }),
]);

const StepResult = Type.Union([
  object({ put: object({ key: text, version: count }) }),
  object({ delete: object({ deleted: count }) }),
  object({ get: object({ keys: Type.Array(ref("Key")) }) }),
]);

const Guard = object({
  key: text,
  revision: optional(count),
  version: optional(count),
  value: optional(text),
  exists: optional(Type.Boolean()),
});

const token = { id: text, name: text, account: orNull(text), role, createdAt: time };

const account = { account: text, tenant: text, limits: ref("Limits") };

const countsByName = Type.Record(Type.String(), statusCounts);

const summary = object({
  service: text,
  revision: count,
  instances: count,
  usable: count,
  statuses: statusCounts,
  held: count,
  heldStatuses: statusCounts,
  overrides: count,
  consumers: count,
  tags: texts,
  via: Type.Record(Type.String(), count),
  versions: countsByName,
  zones: countsByName,
  changedAt: orNull(time),
  unusableSince: orNull(time),
});

const endpointFields = { application: text, protocol: text, addr: text };

const CATALOG = {
  Check,
  Instance,
  RegisterCheck,
  Register: object({ address: text, ...registerFields }),
  RegisterPatch: Type.Object({}, { description: "a merge patch (RFC 7396) of Register" }),
  Registered: object({
    service: text,
    id: text,
    revision: count,
    created: Type.Boolean(),
    lease: orNull(text),
    ttlMs: orNull(count),
  }),
  Beat: object({ ttlMs: orNull(count) }),
  Report: object({ status, output: optional(text) }),
  Override: object({ status, reason: optional(text), ttl: optional(duration) }),
  Revised: object({ revision: count }),
  Services: object({ revision: count, services: Type.Array(summary), next }),
  Service: object({ service: text, revision: count, instances: Type.Array(ref("Instance")) }),
  Instances: object({ revision: count, instances: Type.Array(ref("Instance")), next }),
  Endpoint: object({ ...endpointFields, meta: optional(pairs), ttl: optional(duration) }),
  Versioned: object({ version: text }),
  Subscribe: object({
    subscribes: Type.Array(object({ provider: text, protocol: optional(text), meta: optional(pairs) })),
    application: optional(text),
    version: optional(text),
    wait: optional(duration),
  }),
  Subscribed: object({ version: text, endpoints: Type.Array(object({ ...endpointFields, meta: pairs })) }),
  Consumers: object({
    revision: count,
    consumers: Type.Array(
      object({
        ...{ consumer: text, provider: text, protocol: text, since: time, lastSeenAt: time, source: text },
        instance: orNull(object({ service: text, id: text })),
      }),
    ),
  }),
};

const LEASES = {
  Grant: object({ lease: optional(text), ttl: duration, meta: optional(pairs) }),
  Granted: object({ lease: text, ttlMs: count, revision: count }),
  Lease,
  Leases: object({ revision: count, leases: Type.Array(ref("Lease")), next }),
  Renew: object({ leases: texts }),
  Renewed: object({ renewed: count, missing: texts, unreached: optional(texts) }),
  Release: object({ leases: optional(texts), service: optional(text) }),
  Released: object({ revision: count, released: count, missing: texts }),
};

const hook = {
  ...{ hook: text, url: text, types: texts, services: texts, createdAt: time, told: orNull(text) },
  failing: orNull(object({ since: time, reason: text })),
};

const HOOKS = {
  PutHook: object({ url: text, types: optional(texts), services: optional(texts), secret: optional(text) }),
  Hook: object(hook),
  SetHook: object({ ...hook, secret: optional(text) }),
  Hooks: object({ revision: count, hooks: Type.Array(ref("Hook")) }),
};

const CONFIG = {
  Key,
  Keys: object({ revision: count, keys: Type.Array(ref("Key")), next }),
  Put: object({ key: text, revision: count, version: count }),
  Deleted: object({ revision: count, deleted: count }),
  Transaction: object({
    guards: optional(Type.Array(Guard)),
    then: optional(Type.Array(Step)),
    otherwise: optional(Type.Array(Step)),
  }),
  Transacted: object({ succeeded: Type.Boolean(), revision: count, results: Type.Array(StepResult) }),
};

const Commit = object({
  revision: count,
  at: time,
  account: text,
  by: author,
  changes: Type.Array(ref("Change")),
  subscriptions: optional(texts),
});

const FOLLOW = {
  ...CHANGES,
  Change,
  Commit,
  Commits: object({ revision: count, position: text, commits: Type.Array(ref("Commit")) }),
  Watch: object({
    subscriptions: Type.Array(
      object({ id: text, service: optional(text), key: optional(text), prefix: optional(text) }),
    ),
    after: optional(Type.Union([count, text])),
  }),
  Event,
  Events: object({
    events: Type.Array(ref("Event")),
    cursor: text,
    next,
    oldest: object({ revision: count, at: orNull(time) }),
  }),
  Targets: Type.Array(object({ targets: texts, labels: pairs }), {
    description: "Prometheus' HTTP service discovery: labels begin with __meta_rollcall_",
  }),
};

const ADMIN = {
  Whoami: object({
    open: Type.Boolean(),
    token: orNull(object({ id: orNull(text), name: text, role, account: orNull(text) })),
    role,
    accounts: texts,
  }),
  Token: object(token),
  Tokens: object({ tokens: Type.Array(ref("Token")) }),
  CreateToken: object({ name: text, account: optional(orNull(text)), role }),
  CreatedToken: object({ ...token, token: text }),
  Removed: object({ removed: Type.Boolean() }),
  AccountLimits: object(account),
  Accounts: object({ accounts: Type.Array(object({ ...account, configured: Type.Boolean() })) }),
  Compact: object({ revision: count }),
  Problem: Type.Object({ type: text, title: text, status: count, detail: text }),
};

export const SCHEMAS = {
  ...CATALOG,
  ...LEASES,
  ...HOOKS,
  ...CONFIG,
  ...FOLLOW,
  ...PAST,
  ...LOOKS,
  ...NODES,
  ...ADMIN,
  ...STORED,
};
