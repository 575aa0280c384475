/** What the tests of the Eureka dialect share: the program with its port, registrations as clients send them, and views. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Answer, type RequestSpec, request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";

/** The options of `startRollcall`, and a configuration file. */
export interface EurekaOptions extends NonNullable<Parameters<typeof startRollcall>[1]> {
  /** `dialectSettings.eureka`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The rest of the file. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A running registry as Eureka's clients see it. */
export interface Eureka {
  readonly rollcall: Rollcall;
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly base: string;
  /** `http://127.0.0.1:<port>/eureka/apps`. */
  readonly apps: string;
}

export async function startEureka(scope: Scope, options: EurekaOptions = {}): Promise<Eureka> {
  const { settings, config, ...more } = options;
  const rest = { dialects: "http,eureka", ...more };
  if (settings === undefined && config === undefined) return eurekaOf(await startRollcall(scope, rest));
  const file = join(temporaryDirectory(scope), "rollcall.yaml");
  writeFileSync(file, settingsText(settings ?? {}, config));
  return eurekaOf(await startRollcall(scope, { ...rest, flags: ["--config", file, ...(rest.flags ?? [])] }));
}

export function eurekaOf(rollcall: Rollcall): Eureka {
  const port = rollcall.port("eureka");
  const base = `http://127.0.0.1:${port}`;
  return { rollcall, port, base, apps: `${base}/eureka/apps` };
}

/** What clients put into a registration, loosely: tests leave things out and get them wrong. */
export type Registration = Record<string, unknown>;

/** An instance as Spring Cloud's client sends it. */
export function registrationOf(app: string, id: string, more: Registration = {}): Registration {
  return {
    instanceId: id,
    hostName: "10.1.2.3",
    app: app.toUpperCase(),
    ipAddr: "10.1.2.3",
    status: "UP",
    overriddenStatus: "UNKNOWN",
    port: { $: 8080, "@enabled": "true" },
    securePort: { $: 443, "@enabled": "false" },
    countryId: 1,
    dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
    leaseInfo: {
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      registrationTimestamp: 0,
      lastRenewalTimestamp: 0,
      evictionTimestamp: 0,
      serviceUpTimestamp: 0,
    },
    metadata: { "management.port": "8081" },
    homePageUrl: "http://10.1.2.3:8080/",
    statusPageUrl: "http://10.1.2.3:8080/actuator/info",
    healthCheckUrl: "http://10.1.2.3:8080/actuator/health",
    vipAddress: app.toLowerCase(),
    secureVipAddress: app.toLowerCase(),
    isCoordinatingDiscoveryServer: "false",
    lastUpdatedTimestamp: "1700000000000",
    lastDirtyTimestamp: "1700000000000",
    ...more,
  };
}

/** A lease of so many seconds, for `registrationOf`. */
export function leaseOf(durationInSecs: number, renewalIntervalInSecs = 30): Registration {
  return { leaseInfo: { renewalIntervalInSecs, durationInSecs } };
}

/** Registers and sees to it that the answer is the original's: 204, and not a byte more. */
export async function register(
  { apps }: Pick<Eureka, "apps">,
  app: string,
  id: string,
  more: Registration = {},
  spec: RequestSpec = {},
): Promise<void> {
  const answer = await post({ apps }, app, { instance: registrationOf(app, id, more) }, spec);
  assert.equal(answer.status, 204, answer.text);
  assert.equal(answer.text, "");
}

export function post(
  { apps }: Pick<Eureka, "apps">,
  app: string,
  body: unknown,
  spec: RequestSpec = {},
): Promise<Answer> {
  return request(`${apps}/${encodeURIComponent(app)}`, { method: "POST", body, ...spec });
}

/** A bare heartbeat, or one with a query. */
export function beat({ apps }: Pick<Eureka, "apps">, app: string, id: string, query = ""): Promise<Answer> {
  return request(`${apps}/${app}/${encodeURIComponent(id)}${query}`, { method: "PUT" });
}

export function cancel({ apps }: Pick<Eureka, "apps">, app: string, id: string): Promise<Answer> {
  return request(`${apps}/${app}/${encodeURIComponent(id)}`, { method: "DELETE" });
}

const JSON_ACCEPTED = { accept: "application/json" };

export function getJson(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return request(url, { headers: { ...JSON_ACCEPTED, ...headers } });
}

// biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
export type Shown = Record<string, any>;

export interface Fetched {
  readonly hashcode: string;
  readonly version: string;
  /** `APP/id`, sorted. */
  readonly ids: readonly string[];
  /** By `APP/id`. */
  readonly instances: ReadonlyMap<string, Shown>;
}

/** The whole registry. */
export async function fetchAll({ apps }: Pick<Eureka, "apps">): Promise<Fetched> {
  return toFetched(await getJson(`${apps}/`));
}

export async function fetchDelta({ apps }: Pick<Eureka, "apps">): Promise<Fetched> {
  return toFetched(await getJson(`${apps}/delta`));
}

/** An answer that lists applications, as strict clients read it. */
export function toFetched(answer: Answer): Fetched {
  assert.equal(answer.status, 200, answer.text);
  assert.match(String(answer.headers["content-type"]), /^application\/json/);
  const { applications } = answer.json();
  const instances = new Map<string, Shown>();
  for (const { name, instance } of applications.application) {
    assert.ok(Array.isArray(instance) && instance.length > 0, `${name} has no instances`);
    for (const one of instance) {
      assert.equal(one.app, name);
      instances.set(`${name}/${one.instanceId}`, one);
    }
  }
  return {
    hashcode: applications.apps__hashcode,
    version: applications.versions__delta,
    ids: [...instances.keys()].sort(),
    instances,
  };
}

/** The instance as it is shown by itself; undefined when there is none. */
export async function fetchInstance(
  { apps }: Pick<Eureka, "apps">,
  app: string,
  id: string,
): Promise<Shown | undefined> {
  const answer = await getJson(`${apps}/${app}/${encodeURIComponent(id)}`);
  if (answer.status === 404) {
    assert.equal(answer.text, "");
    return undefined;
  }
  assert.equal(answer.status, 200, answer.text);
  return answer.json().instance;
}

/** The settings of the dialect as a configuration file's text (JSON is YAML). */
export function settingsText(
  eureka: Readonly<Record<string, unknown>>,
  rest: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({ dialectSettings: { eureka }, ...rest });
}

/** An instance as the native API shows it; undefined when there is none. `path` is `service/id`. */
export async function getNative({ url }: Rollcall, path: string, token?: string): Promise<Shown | undefined> {
  const [service, id] = path.split("/");
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await request(`${url}/v2/default/services/${service}/instances/${id}`, { headers });
  if (answer.status === 404) return undefined;
  assert.equal(answer.status, 200, answer.text);
  return answer.json();
}

/** Registers by the native API, for good unless `body` says otherwise. */
export async function putNative({ url }: Rollcall, path: string, body: object): Promise<void> {
  const [service, id] = path.split("/");
  const options = { method: "PUT", body: { ttl: 0, ...body } };
  const answer = await request(`${url}/v2/default/services/${service}/instances/${id}`, options);
  assert.ok(answer.status < 300, answer.text);
}
