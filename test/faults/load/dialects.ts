/** How an instance is registered and kept alive by each dialect that has heartbeats. */
import { registrationOf } from "../../eureka/rig.ts";
import type { Node } from "../cluster.ts";
import { call, type Told } from "./call.ts";

export interface Kind {
  readonly dialect: string;
  readonly ttlMs: number;
  register(node: Node, id: string, timeoutMs: number): Promise<Told>;
  /** 200: it lives; 404: there is no such instance. */
  beat(node: Node, id: string, timeoutMs: number): Promise<Told>;
}

const TTL_S = 4;
export const SERVICE = "faults";

/** The native API, as instances of `faults`. */
const native: Kind = {
  dialect: "http",
  ttlMs: TTL_S * 1000,
  register: (node, id, timeoutMs) => {
    const body = JSON.stringify({ address: `10.9.8.${1 + (id.length % 200)}`, port: 80, ttl: `${TTL_S}s` });
    return call(node, { method: "PUT", path: `/v2/default/services/${SERVICE}/instances/${id}`, body, timeoutMs });
  },
  beat: (node, id, timeoutMs) =>
    call(node, { method: "POST", path: `/v2/default/services/${SERVICE}/instances/${id}/heartbeat`, timeoutMs }),
};

const eureka: Kind = {
  dialect: "eureka",
  ttlMs: TTL_S * 1000,
  register: (node, id, timeoutMs) => {
    const leaseInfo = { renewalIntervalInSecs: 1, durationInSecs: TTL_S };
    const body = JSON.stringify({ instance: registrationOf(SERVICE, id, { leaseInfo }) });
    return call(node, { dialect: "eureka", method: "POST", path: `/eureka/apps/${SERVICE}`, body, timeoutMs });
  },
  beat: (node, id, timeoutMs) =>
    call(node, { dialect: "eureka", method: "PUT", path: `/eureka/apps/${SERVICE}/${id}`, timeoutMs }),
};

const SKY_SERVICE = {
  Name: "Faults",
  Version: "1.0.0",
  Environment: "Test",
  Region: "East",
  Host: "a.example",
  Port: 9,
};

const skydns: Kind = {
  dialect: "skydns",
  ttlMs: TTL_S * 1000,
  register: async (node, id, timeoutMs) => {
    const body = JSON.stringify({ ...SKY_SERVICE, TTL: TTL_S });
    const told = await call(node, {
      dialect: "skydns",
      method: "PUT",
      path: `/skydns/services/${id}`,
      body,
      timeoutMs,
    });
    // It was done by a try that had no answer.
    return told.status === 409 ? { ...told, status: 201 } : told;
  },
  beat: (node, id, timeoutMs) => {
    const body = JSON.stringify({ TTL: TTL_S });
    return call(node, { dialect: "skydns", method: "PATCH", path: `/skydns/services/${id}`, body, timeoutMs });
  },
};

const RACKSPACE_TTL_S = 5;

/** Each heartbeat brings the token of the next one; one that had no answer is sent again with the same. */
function createRackspace(): Kind {
  const tokens = new Map<string, string>();
  const headers = new Map<string, Record<string, string>>();
  const logIn = async (node: Node, timeoutMs: number): Promise<Record<string, string> | undefined> => {
    const known = headers.get("x");
    if (known !== undefined) return known;
    const auth = { "RAX-KSKEY:apiKeyCredentials": { username: "default", apiKey: "key" } };
    const told = await call(node, { method: "POST", path: "/v2.0/tokens", body: JSON.stringify({ auth }), timeoutMs });
    if (told.status !== 200) return undefined;
    const { token } = JSON.parse(told.text).access;
    const made = { "x-auth-token": String(token.id), tenant: String(token.tenant.id) };
    headers.set("x", made);
    return made;
  };
  const ask = async (node: Node, path: string, id: string, body: unknown, timeoutMs: number): Promise<Told> => {
    const known = await logIn(node, timeoutMs);
    if (known === undefined) return { status: 0, text: "no login", calledMs: 0, answeredMs: 0 };
    const { tenant, ...own } = known;
    const asked = { method: "POST", path: `/v1.0/${tenant}${path}`, body: JSON.stringify(body), headers: own };
    const told = await call(node, { ...asked, timeoutMs });
    if (told.status === 200 || told.status === 201) tokens.set(id, String(JSON.parse(told.text).token));
    return told;
  };
  return {
    dialect: "rackspace",
    ttlMs: RACKSPACE_TTL_S * 1000,
    register: (node, id, timeoutMs) =>
      ask(node, "/services", id, { id, heartbeat_timeout: RACKSPACE_TTL_S }, timeoutMs),
    beat: (node, id, timeoutMs) => ask(node, `/services/${id}/heartbeat`, id, { token: tokens.get(id) }, timeoutMs),
  };
}

export function createKinds(): readonly Kind[] {
  return [native, eureka, skydns, createRackspace()];
}
