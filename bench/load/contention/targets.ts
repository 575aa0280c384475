/** The one thing that all clients change, and the changes that they make of it. */
import { DnsAsker } from "../clients/dns.ts";
import { askOnce, connectHttp1, toRequest } from "../clients/http1.ts";
import { toEurekaInstance, toRegister } from "../eureka/instances.ts";
import type { ContentionJob } from "../job.ts";
import { toUpdate } from "./update.ts";

export interface Client {
  /** Makes change `nth` and says whether it was made. */
  change(nth: number): Promise<boolean>;
  close(): void;
}

/** Opens client `number` of the thing, which is there. */
type Open = (number: number) => Promise<Client>;

type Target = Exclude<ContentionJob["target"], "keys" | "keys-outside">;

const ANSWER_MS_MAX = 30_000;

/** Makes the thing. */
export const TARGETS: Readonly<Record<Target, (port: number, httpPort: number) => Promise<Open>>> = {
  patch,
  eureka,
  service,
  session,
  dns,
  beside,
};

async function ask(port: number, method: string, path: string, body?: object): Promise<Buffer> {
  const answer = await askOnce(port, method, path, body && JSON.stringify(body));
  if (answer.status < 300) return answer.body;
  throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString("utf8", 0, 200)}`);
}

/** Requests on a connection of each client's own. */
function overHttp(port: number, toChange: (client: number, nth: number) => Buffer): Open {
  return async (number) => {
    const connection = await connectHttp1(port);
    return {
      change: async (nth) => (await connection.ask(toChange(number, nth))).status < 300,
      close: () => connection.close(),
    };
  };
}

/** Metadata of one instance, patched over the native API. */
async function patch(port: number): Promise<Open> {
  const path = "/v2/default/services/one/instances/one";
  await ask(port, "PUT", path, { address: "10.0.0.1", port: 80, ttl: "1h" });
  const toBody = (client: number, nth: number) => JSON.stringify({ meta: { [`client${client}`]: String(nth) } });
  return overHttp(port, (client, nth) => toRequest("PATCH", path, toBody(client, nth)));
}

/** Metadata of one instance, as Eureka's clients set it. */
async function eureka(port: number): Promise<Open> {
  const connection = await connectHttp1(port);
  await connection.ask(toRegister(0, { leaseS: 3600 }));
  connection.close();
  const { app, id } = toEurekaInstance(0);
  const toPath = (client: number, nth: number) => `/eureka/apps/${app}/${id}/metadata?client${client}=${nth}`;
  return overHttp(port, (client, nth) => toRequest("PUT", toPath(client, nth)));
}

/** A tenant of Rackspace's API: the way to it, and its token. */
async function openTenant(port: number): Promise<{ base: string; token: string }> {
  const login = { auth: { "RAX-KSKEY:apiKeyCredentials": { username: "contention", apiKey: "key" } } };
  const { access } = JSON.parse((await ask(port, "POST", "/v2.0/tokens", login)).toString("utf8"));
  return { base: `/v1.0/${access.token.tenant.id}`, token: `?x-auth-token=${access.token.id}` };
}

function overRackspace(port: number, path: string): Open {
  const toBody = (client: number, nth: number) => JSON.stringify({ metadata: { [`client${client}`]: String(nth) } });
  return overHttp(port, (client, nth) => toRequest("PUT", path, toBody(client, nth)));
}

/** Metadata of one service of Rackspace's API. */
async function service(port: number): Promise<Open> {
  const { base, token } = await openTenant(port);
  await ask(port, "POST", `${base}/services${token}`, { id: "service-1", heartbeat_timeout: 30 });
  return overRackspace(port, `${base}/services/service-1${token}`);
}

/** Metadata of one session: the lease at the head of a chain of heartbeat tokens, and its key. */
async function session(port: number): Promise<Open> {
  const { base, token } = await openTenant(port);
  await ask(port, "POST", `${base}/sessions${token}`, { heartbeat_timeout: 30 });
  const { values } = JSON.parse((await ask(port, "GET", `${base}/sessions${token}`)).toString("utf8"));
  return overRackspace(port, `${base}/sessions/${values[0].id}${token}`);
}

/** The address of one name. */
async function dns(port: number): Promise<Open> {
  return overUpdates(port, "one.rollcall");
}

/** One instance: its address by every other client, its metadata over the native API by those between. */
async function beside(port: number, httpPort: number): Promise<Open> {
  const [patching, updating] = [await patch(httpPort), overUpdates(port, "one.id.one.rollcall")];
  return (number) => (number % 2 === 0 ? patching(number) : updating(number));
}

function overUpdates(port: number, name: string): Open {
  return async (number) => {
    const asker = await DnsAsker.connect(port);
    return {
      change: async (nth) =>
        (await asker.ask(toUpdate(name, [10, number, nth >> 8, nth & 255]), ANSWER_MS_MAX))?.rcode === 0,
      close: () => asker.close(),
    };
  };
}
