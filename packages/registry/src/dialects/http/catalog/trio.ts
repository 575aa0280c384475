/** @live Handlers of register, unregister and subscribe, which makes consumers known. */
import type { EndpointBody } from "@rollcall/client";
import type { InstanceRecord, Scope } from "../../../core/index.ts";
import {
  decodeSubscribe,
  findEndpoints,
  refuseBroad,
  type Subscribing,
  toEndpoint,
  toInstance,
  toInstanceId,
  toLife,
  versionOf,
} from "../../../native/catalog/endpoints.ts";
import { decodeEndpoint } from "../../../native/wire/registration.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { encodeList, toJson, toJsonBody } from "../answers.ts";
import { type Exchange, signed } from "../desk.ts";
import { awaitChange } from "../follow/poll.ts";

/** POST …/register. The same endpoint again is a heartbeat. */
export async function registerEndpoint(exchange: Exchange): Promise<Result> {
  const { desk, account } = exchange;
  const endpoint = decodeEndpoint(exchange.json);
  if (!endpoint.ok) return endpoint;
  const instance = toInstance(endpoint.value, "http");
  const life = toLife(endpoint.value);
  const outcome = await desk.registry.propose(account, signed(exchange, { kind: "register", instance, life }));
  if (!outcome.ok) return outcome;
  return toJson({ version: versionOfProvider(exchange, instance.service) });
}

/** POST …/unregister. Gone already is as good as removed. */
export async function unregisterEndpoint(exchange: Exchange): Promise<Result> {
  const { desk, account } = exchange;
  const endpoint = decodeEndpoint(exchange.json);
  if (!endpoint.ok) return endpoint;
  const instance = { service: endpoint.value.application, id: toInstanceId(endpoint.value) };
  const outcome = await desk.registry.propose(account, signed(exchange, { kind: "deregister", instance }));
  if (!outcome.ok && outcome.refusal !== "not-found") return outcome;
  return toJson({ version: versionOfProvider(exchange, instance.service) });
}

/** The version that a subscription to all of a provider's endpoints has now. */
function versionOfProvider(exchange: Exchange, provider: string): string {
  return versionOf(findEndpoints(exchange.desk.registry, exchange.account, [{ provider, protocol: "", meta: {} }]));
}

function toAnswer(version: string, endpoints: readonly InstanceRecord[]): Answer {
  return toJsonBody(encodeList({ version }, "endpoints", encodeEach(endpoints)));
}

function* encodeEach(endpoints: readonly InstanceRecord[]): Iterable<EndpointBody> {
  for (const record of endpoints) yield toEndpoint(record);
}

/** POST …/subscribe */
export function subscribe(exchange: Exchange): Result | Promise<Result> {
  const { desk, account, request } = exchange;
  const decoded = decodeSubscribe(exchange.json);
  if (!decoded.ok) return decoded;
  const asked = decoded.value;
  const consumer = asked.application === "" ? request.remoteAddress || "unknown" : asked.application;
  const broad = refuseBroad(desk.registry, account, asked.wants);
  if (broad !== undefined) return broad;
  noteConsumer(exchange, consumer, asked);
  const endpoints = findEndpoints(desk.registry, account, asked.wants);
  const version = versionOf(endpoints);
  if (asked.waitMs === 0 || asked.version === undefined || asked.version !== version)
    return toAnswer(version, endpoints);
  const scope: Scope = { account, services: [...new Set(asked.wants.map((want) => want.provider))] };
  const now = desk.registry.read((view) => view.revision);
  return awaitChange(exchange, scope, now, asked.waitMs, (woken) => {
    const changed = findEndpoints(desk.registry, account, asked.wants);
    const next = versionOf(changed);
    if (woken === "changed" && next === version) return undefined;
    return toAnswer(next, changed);
  });
}

function noteConsumer({ desk, account }: Exchange, consumer: string, { wants }: Subscribing): void {
  for (const { provider, protocol } of wants) desk.consumers.note(account, consumer, provider, protocol);
}
