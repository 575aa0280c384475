/** What the tests of the Rackspace dialect share: a tenant of its own per test, and requests in its name. */
import assert from "node:assert/strict";
import { type Rollcall, type StartOptions, startRollcall } from "../harness/program.ts";
import { type Answer, type RequestSpec, request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";

export function startRackspace(scope: Scope, options: StartOptions = {}): Promise<Rollcall> {
  return startRollcall(scope, { dialects: "http,rackspace", ...options });
}

/** A tenant with a token. */
export interface Tenant {
  readonly id: string;
  readonly token: string;
  /** `http://host:port/v1.0/<id>`. */
  readonly base: string;
  /** One request in this tenant's name; `path` begins behind the tenant and goes out as written. */
  call(method: string, path: string, body?: unknown, spec?: RequestSpec): Promise<Answer>;
}

export function logIn(url: string, user: string, apiKey = "key", path = "/v2.0/tokens"): Promise<Answer> {
  const body = { auth: { "RAX-KSKEY:apiKeyCredentials": { username: user, apiKey } } };
  return request(`${url}${path}`, { method: "POST", body });
}

/** What the registry's own clock says: the system's may be some ms away from it. */
export async function nowOf(url: string): Promise<number> {
  const put = await request(`${url}/v2/default/config/now`, { method: "PUT", body: "?" });
  assert.ok(put.status < 300, put.text);
  const { events: latest } = (await request(`${url}/v2/default/events?limit=1`)).json();
  return Date.parse(latest[0].at);
}

let users = 0;

/** A tenant that no other test of this process uses. */
export async function openTenant(url: string, label = "user"): Promise<Tenant> {
  const answer = await logIn(url, `${label}-${process.pid}-${++users}`);
  assert.equal(answer.status, 200, answer.text);
  const { token } = answer.json().access;
  const base = `${url}/v1.0/${token.tenant.id}`;
  return {
    id: token.tenant.id,
    token: token.id,
    base,
    call: (method, path, body, spec = {}) =>
      request(`${base}${path}`, {
        ...spec,
        method,
        ...(body === undefined ? {} : { body }),
        headers: { "X-Auth-Token": token.id, ...spec.headers },
      }),
  };
}

export interface ExpectedFault {
  readonly status: number;
  readonly type: string;
  readonly message?: string;
  readonly details?: string | RegExp;
}

/** The answer is this fault, in the shape that all faults have. */
export function assertFault(answer: Answer, expected: ExpectedFault, note = ""): void {
  assert.equal(answer.status, expected.status, `${note} ${answer.text}`);
  const fault = answer.json();
  assert.deepEqual(Object.keys(fault), ["type", "code", "message", "details", "txnId"], note);
  assert.equal(fault.type, expected.type, note);
  assert.equal(fault.code, expected.status, note);
  if (expected.message !== undefined) assert.equal(fault.message, expected.message, note);
  if (typeof expected.details === "string") assert.equal(fault.details, expected.details, note);
  else if (expected.details !== undefined) assert.match(fault.details, expected.details, note);
  assert.equal(fault.txnId, answer.headers["x-response-id"], note);
  assert.equal(answer.text, JSON.stringify(fault, null, 4), note);
  assert.equal(answer.headers["content-length"], String(answer.bytes.length), note);
}

export function wrongField(key: string, details: string | RegExp): ExpectedFault {
  return { status: 400, type: "badRequest", message: `Validation error for key '${key}'`, details };
}

export function wrongParameter(name: string, details: string | RegExp): ExpectedFault {
  return { status: 400, type: "badRequest", message: `Invalid value for '${name}' query string parameter`, details };
}

export function missing(object: string, key: string): ExpectedFault {
  const details = `Object "${object}" with key "${key}" does not exist`;
  return { status: 404, type: "notFoundError", message: "object does not exist", details };
}

/** Registers a service and answers its first heartbeat token. */
export async function register(tenant: Tenant, id: string, timeoutS = 60, more: object = {}): Promise<string> {
  const answer = await tenant.call("POST", "/services", { id, heartbeat_timeout: timeoutS, ...more });
  assert.equal(answer.status, 201, answer.text);
  return answer.json().token;
}

export function beat(tenant: Tenant, id: string, token: string, kind = "services"): Promise<Answer> {
  return tenant.call("POST", `/${kind}/${id}/heartbeat`, { token });
}

export interface EventBody {
  readonly id: string;
  readonly timestamp: number;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
  readonly payload: any;
}

/** One page of the feed. */
export async function events(tenant: Tenant, query = ""): Promise<EventBody[]> {
  const answer = await tenant.call("GET", `/events${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json().values;
}

/** Waits until the feed holds this many events of this type. */
export function eventsOf(tenant: Tenant, type: string, count = 1, timeoutMs = 10_000): Promise<EventBody[]> {
  const find = async () => {
    const found = (await events(tenant, "?limit=1000")).filter((event) => event.type === type);
    return found.length >= count ? found : null;
  };
  return until(find, { timeoutMs, what: `${count} × ${type}` });
}

/** The 100 ns ticks of a version-1 UUID. */
export function ticksOf(uuid: string): bigint {
  assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  return BigInt(`0x${uuid.slice(15, 18)}${uuid.slice(9, 13)}${uuid.slice(0, 8)}`);
}

const EPOCH_TICKS = 122_192_928_000_000_000n;

/** A version-1 UUID for this moment, as any client could make one. */
export function uuidAt(ms: number): string {
  const time = (BigInt(ms) * 10_000n + EPOCH_TICKS).toString(16).padStart(15, "0");
  return `${time.slice(7)}-${time.slice(3, 7)}-1${time.slice(0, 3)}-8000-000000000001`;
}

export function msOf(uuid: string): number {
  return Number((ticksOf(uuid) - EPOCH_TICKS) / 10_000n);
}
