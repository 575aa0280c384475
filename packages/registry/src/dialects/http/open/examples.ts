/** Examples of bodies, by the names of their schemas. A test holds them to these, and sends those of requests. */

const instance = {
  service: "api",
  id: "api-1",
  address: "10.0.0.7",
  port: 8080,
  ports: { default: 8080, admin: 9090 },
  protocol: "http",
  tags: ["blue"],
  meta: { team: "shop" },
  version: "2.4.1",
  zone: "eu-1a",
  weight: 100,
  status: "passing",
  statusSince: "2026-01-31T09:15:02.417Z",
  declaredStatus: "passing",
  override: null,
  checks: [],
  lease: "api/api-1",
  ttlMs: 10_000,
  held: null,
  via: "http",
  createdAt: "2026-01-31T09:15:02.417Z",
  updatedAt: "2026-01-31T09:15:02.417Z",
  createRevision: 41,
  modRevision: 41,
};

const lease = {
  lease: "api/api-1",
  ttlMs: 10_000,
  via: "http",
  own: true,
  meta: {},
  held: null,
  grantedAt: "2026-01-31T09:15:02.417Z",
  lastBeatAt: "2026-01-31T09:16:00.120Z",
  beats: 14,
  expiresAt: "2026-01-31T09:16:10.120Z",
};

const key = { key: "app/mode", value: "dark", version: 2, createRevision: 30, modRevision: 44, lease: null };

const registered = {
  kind: "instance",
  cause: "registered",
  service: "api",
  id: "api-1",
  reason: "registered through http, kept alive by lease api/api-1, ttl 10 s",
  before: null,
  after: instance,
};

const by = { token: { id: "5f0c61b2", name: "deploy" }, dialect: "http", address: "10.0.0.7" };

const commit = { revision: 41, at: "2026-01-31T09:15:02.417Z", account: "default", by, changes: [registered] };

const expired = {
  id: "57-1",
  revision: 57,
  at: "2026-01-31T09:20:31.008Z",
  type: "instance.expired",
  service: "api",
  instance: "api-1",
  reason: "its lease api/api-1 ran out: no heartbeat for 10.3 s, ttl 10 s",
  by: null,
  before: instance,
  after: null,
};

const endpoint = { application: "api", protocol: "http", addr: "10.0.0.7:8080", meta: { zone: "eu-1a" } };

const hook = {
  hook: "pager",
  url: "https://hooks.example.com/rollcall",
  types: ["instance.expired", "instance.held"],
  services: ["api"],
  createdAt: "2026-01-31T09:15:02.417Z",
  told: "57-1~0f8b2c1d9a7e",
  failing: null,
};

export const EXAMPLES: Readonly<Record<string, unknown>> = {
  Register: {
    address: "10.0.0.7",
    ports: { default: 8080, admin: 9090 },
    protocol: "http",
    tags: ["blue"],
    meta: { team: "shop" },
    version: "2.4.1",
    zone: "eu-1a",
    ttl: "10s",
  },
  RegisterPatch: { tags: ["green"], meta: { team: null } },
  Registered: { service: "api", id: "api-1", revision: 41, created: true, lease: "api/api-1", ttlMs: 10_000 },
  Instance: instance,
  Beat: { ttlMs: 10_000 },
  Report: { status: "warning", output: "disk 91 % full" },
  AskOverrides: { filter: { service: "api", version: "2.4.1" }, status: "draining", reason: "rolled back", dry: true },
  Override: { status: "draining", reason: "deploy 4711", ttl: "30m" },
  Revised: { revision: 42 },
  Service: { service: "api", revision: 41, instances: [instance] },
  Instances: { revision: 57, instances: [instance], next: null },
  Endpoint: endpoint,
  Versioned: { version: "XyR0w8dWqf1z0c1PZ5m3Lw" },
  Subscribe: { subscribes: [{ provider: "api", protocol: "http" }], application: "web", wait: "30s" },
  Subscribed: { version: "XyR0w8dWqf1z0c1PZ5m3Lw", endpoints: [endpoint] },
  Forward: { command: { kind: "put", key: "db/host", value: "10.0.0.9", lease: null } },
  Grant: { ttl: "30s", meta: { host: "vm-12" } },
  Granted: { lease: "q8Zr0pVbT2mK", ttlMs: 30_000, revision: 43 },
  Lease: lease,
  Leases: { revision: 57, leases: [lease], next: null },
  Renew: { leases: ["api/api-1", "web/web-1"] },
  Renewed: { renewed: 1, missing: ["web/web-1"] },
  Release: { service: "api" },
  Released: { revision: 58, released: 12, missing: [] },
  Key: key,
  Keys: { revision: 57, keys: [key], next: null },
  Put: { key: "app/mode", revision: 44, version: 2 },
  Deleted: { revision: 45, deleted: 1 },
  Transaction: {
    guards: [{ key: "app/leader", exists: false }],
    then: [{ put: { key: "app/leader", value: "api-1" } }],
    otherwise: [{ get: { key: "app/leader" } }],
  },
  Transacted: { succeeded: true, revision: 46, results: [{ put: { key: "app/leader", version: 1 } }] },
  Commits: { revision: 41, position: "41~0f8b2c1d9a7e", commits: [commit] },
  Watch: {
    subscriptions: [
      { id: "api", service: "api" },
      { id: "settings", prefix: "app/" },
    ],
    after: 0,
  },
  AskHistories: { instances: [{ service: "api", id: "api-1" }], from: "-1h" },
  Events: {
    events: [expired],
    cursor: "57-1~0f8b2c1d9a7e",
    next: "57-1~0f8b2c1d9a7e",
    oldest: { revision: 1, at: "2026-01-30T18:00:00.000Z" },
  },
  PutHook: { url: "http://127.0.0.1:9000/rollcall", types: ["instance.expired", "instance.held"], services: ["api"] },
  Hook: hook,
  SetHook: { ...hook, told: null, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" },
  Hooks: { revision: 57, hooks: [hook] },
  Targets: [{ targets: ["10.0.0.7:8080"], labels: { __meta_rollcall_service: "api" } }],
  CreateToken: { name: "deployer", account: null, role: "admin" },
  PartialLimits: { instancesMax: 5000 },
  Compact: { revision: 1 },
};
