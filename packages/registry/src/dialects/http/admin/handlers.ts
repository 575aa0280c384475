/** @live Handlers of administration: status, tokens, accounts, backup, compaction. */
import { getHeapStatistics } from "node:v8";
import type { NodeStatusBody } from "@rollcall/client";
import {
  type Account,
  type AccountLimits,
  isLegalAccount,
  isRole,
  type Outcome,
  type Principal,
  ROLES,
  type Role,
  refuse,
  SYSTEM_ACCOUNT,
} from "../../../core/index.ts";
import { Fields } from "../../../native/wire/fields.ts";
import { toTime } from "../../../native/wire/numbers.ts";
import type { Streaming } from "../../../net/http/reply.ts";
import type { Json } from "../../../net/routes/json.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toClusterBody, toJson } from "../answers.ts";
import type { Desk, Exchange } from "../desk.ts";
import { oldestOf } from "../follow/feed.ts";
import { toLimitsBody } from "./protection.ts";

const HEAP_MAX = getHeapStatistics().heap_size_limit;

/** GET /v2/_/status: the accounts that the asker may see. */
export async function getStatus({ desk, principal }: Exchange): Promise<Result> {
  const { registry, access, house } = desk;
  const { status } = house;
  const reason = status.refusing() ?? status.lagging();
  const memory = process.memoryUsage();
  const oldest = await oldestOf(registry);
  const accounts = registry.read((view) => {
    const seen: NodeStatusBody["accounts"] = [];
    for (const { name, counts, leases } of viewAccounts(desk, principal)) {
      let held = 0;
      for (const lease of leases) if (lease.held !== null) held++;
      const { services, instances, keys, bytes } = counts;
      const limits = access.limitsOf(name);
      seen.push({ account: name, services, instances, leases: counts.leases, held, keys, bytes, limits });
    }
    return view.revision >= 0 ? seen : [];
  });
  const body: NodeStatusBody = {
    node: status.name,
    version: status.version,
    startedAt: toTime(status.startedAtMs),
    now: toTime(desk.clock.now()),
    ready: status.ready() && reason === null,
    replicator: status.replicator,
    reason,
    stale: status.stale(),
    revision: registry.read((view) => view.revision),
    floor: registry.floor,
    oldest,
    store: { bytes: registry.read((view) => view.bytes), bytesMax: status.bytesMax(), diskBytes: status.diskBytes() },
    memory: { residentBytes: memory.rss, heapBytes: memory.heapUsed, heapMaxBytes: HEAP_MAX },
    watchers: status.watchers(),
    protection: toLimitsBody(status.protection()),
    open: access.open,
    endpoints: status.endpoints().map(({ dialect, scheme, host, port }) => ({ dialect, scheme, host, port })),
    differences: status.differences().map(({ node, settings }) => ({ node, settings: [...settings] })),
    accounts,
    cluster: toClusterBody(status.cluster()),
  };
  return toJson(body);
}

function viewAccounts({ registry, access }: Desk, principal: Principal) {
  return registry.read((view) =>
    [...view.accounts()]
      .filter(({ name }) => name !== SYSTEM_ACCOUNT && access.allow(principal, name, "reader").ok)
      .map((account) => ({ name: account.name, counts: account.counts, leases: account.leases() })),
  );
}

/** GET /v2/_/tokens */
export function listTokens(exchange: Exchange): Result {
  const tokens = exchange.desk.access.listTokens(null).map(({ createdAtMs, ...token }) => ({
    ...token,
    createdAt: toTime(createdAtMs),
  }));
  return toJson({ tokens });
}

const TOKEN_FIELDS: ReadonlySet<string> = new Set(["name", "account", "role"]);

/** POST /v2/_/tokens */
export async function createToken(exchange: Exchange): Promise<Result> {
  const { desk } = exchange;
  const fields = new Fields(exchange.json, TOKEN_FIELDS);
  fields.need("name");
  fields.need("role");
  const name = fields.text("name", "");
  const role = fields.text("role", "reader");
  if (!isRole(role)) fields.expected("role", `one of ${ROLES.join(", ")}`, role);
  const account = fields.raw("account") === null ? null : fields.has("account") ? fields.text("account", "", 64) : null;
  if (account !== null && !isLegalAccount(account)) fields.expected("account", "a legal account name or null", account);
  if (fields.fault !== undefined) return fields.fault;
  const created = await desk.access.createToken({ name, role: role as Role, account });
  if (!created.ok) return created;
  const { id, token } = created.value;
  const made = toJson({ id, name, account, role, createdAt: toTime(desk.clock.now()), token }, 201);
  return { ...made, noted: { id } };
}

/** DELETE /v2/_/tokens/:id */
export async function removeToken(exchange: Exchange): Promise<Result> {
  const { desk, params } = exchange;
  const removed = await desk.access.removeToken(params[0] as string);
  return removed.ok ? toJson({ removed: true }) : removed;
}

/** GET /v2/_/accounts */
export function listAccounts(exchange: Exchange): Result {
  const { access, house } = exchange.desk;
  const accounts = access
    .listAccounts()
    .map(({ account, ...rest }) => ({ account, tenant: house.tenants.peek(account), ...rest }));
  return toJson({ accounts });
}

export const LIMIT_NAMES = [
  "instancesMax",
  "servicesMax",
  "keysMax",
  "leasesMax",
  "bytesMax",
  "requestsPerSecondMax",
] as const;
const LIMIT_FIELDS: ReadonlySet<string> = new Set(LIMIT_NAMES);

function decodeLimits(json: Json): Outcome<Partial<AccountLimits>> {
  const fields = new Fields(json ?? {}, LIMIT_FIELDS);
  const limits: Partial<Record<(typeof LIMIT_NAMES)[number], number>> = {};
  for (const name of LIMIT_NAMES) {
    const most = name === "bytesMax" ? Number.MAX_SAFE_INTEGER : 1_000_000_000;
    if (fields.has(name)) limits[name] = fields.integer(name, 0, 0, most);
  }
  return fields.outcome(limits);
}

/** PUT /v2/_/accounts/:account. Open mode ends with the first token, not here: nobody could make one afterwards. */
export async function setAccount(exchange: Exchange): Promise<Result> {
  const { desk, params } = exchange;
  const account: Account = params[0] as string;
  if (!isLegalAccount(account)) return refuse("invalid", "not a legal account name");
  const limits = decodeLimits(exchange.json);
  if (!limits.ok) return limits;
  const set = await desk.access.setAccount(account, limits.value);
  if (!set.ok) return set;
  return toJson({ account, tenant: desk.house.tenants.of(account), limits: set.value });
}

/** DELETE /v2/_/accounts/:account */
export async function removeAccount({ desk, params, query }: Exchange): Promise<Result> {
  const removed = await desk.access.removeAccount(params[0] as string, query.has("contents"));
  return removed.ok ? toJson({ removed: true }) : removed;
}

const COMPACT_FIELDS: ReadonlySet<string> = new Set(["revision"]);

/** POST /v2/_/compact */
export async function compact(exchange: Exchange): Promise<Result> {
  const { desk } = exchange;
  const fields = new Fields(exchange.json, COMPACT_FIELDS);
  fields.need("revision");
  const revision = fields.integer("revision", 0, 0, Number.MAX_SAFE_INTEGER);
  if (fields.fault !== undefined) return fields.fault;
  const outcome = await desk.registry.compact(revision);
  return outcome.ok ? toJson({ revision: outcome.value }) : outcome;
}

/** GET /v2/_/backup */
export async function backup({ desk, reply }: Exchange<Streaming>): Promise<Result | undefined> {
  const take = desk.house.status.backup;
  if (take === undefined) return refuse("unsupported", "this registry keeps nothing on disk to back up");
  const taken = await take();
  if (!taken.ok) return taken;
  const { revision, bytes } = taken.value;
  const headers = {
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename="rollcall-${revision}.backup"`,
  };
  try {
    await reply.pieces(200, headers, taken.value.read(), { bytes });
    return undefined;
  } finally {
    await taken.value.close();
  }
}
