import { isTransient } from "../error.ts";
import { type Call, pathOf, type Transport } from "../http/transport.ts";
import type { Duration, EndpointBody, SubscribeBody, SubscribedBody } from "../shapes.ts";
import { backoffMs, pause } from "../wait.ts";

/** The three calls of the trio: register an endpoint, take it back, ask for a provider's endpoints. */
export interface Trio {
  register(endpoint: EndpointBody & { ttl?: Duration }): Promise<{ version: string }>;
  unregister(endpoint: EndpointBody): Promise<{ version: string }>;
  subscribe(body: SubscribeBody): Promise<SubscribedBody>;
}

export interface SubscribeOptions {
  /** Who subscribes, for the dependency graph. */
  readonly application?: string;
  readonly signal?: AbortSignal;
}

const WAIT_MS = 30_000;

export function createTrio(transport: Transport): Trio {
  const post = async <T>(name: string, json: object, effect: Call["effect"] = "same", waitMs?: number) =>
    transport.json<T>({ method: "POST", path: pathOf("v2", transport.account, name), json, effect, waitMs });
  return {
    register: (endpoint) => post("register", endpoint),
    unregister: (endpoint) => post("unregister", endpoint),
    // The caller's own wait is an unknown duration: the registry bounds it.
    subscribe: (body) => post("subscribe", body, "none", body.wait === undefined ? undefined : 10 * 60_000),
  };
}

/** The endpoints of these providers: now, and again at each change. */
export async function* subscribe(
  transport: Transport,
  subscribes: SubscribeBody["subscribes"],
  options: SubscribeOptions = {},
): AsyncGenerator<SubscribedBody, void> {
  const { signal, application } = options;
  const path = pathOf("v2", transport.account, "subscribe");
  let version: string | undefined;
  for (let failures = 0; !signal?.aborted; ) {
    const json: SubscribeBody = { subscribes };
    if (application !== undefined) json.application = application;
    if (version !== undefined) Object.assign(json, { version, wait: `${WAIT_MS}ms` });
    let answer: SubscribedBody;
    const waitMs = version === undefined ? 0 : WAIT_MS;
    try {
      answer = await transport.json({ method: "POST", effect: "none", path, json, signal, waitMs });
    } catch (error) {
      if (signal?.aborted) return;
      if (!isTransient(error)) throw error;
      await pause(backoffMs(failures++), signal, true);
      continue;
    }
    failures = 0;
    if (answer.version === version) continue;
    version = answer.version;
    yield answer;
  }
}
