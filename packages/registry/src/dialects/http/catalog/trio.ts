/** @live Handlers of register, unregister, subscribe, and of the consumers that subscribing makes known. */
import type { EndpointBody } from "@rollcall/client";
import { type InstanceRecord, refuse, type Scope } from "../../../core/index.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { encodeList, toJson, toJsonBody } from "../answers.ts";
import type { Consumer, Exchange } from "../desk.ts";
import { awaitChange } from "../follow/poll.ts";
import { toTime } from "../wire/numbers.ts";
import { decodeEndpoint } from "../wire/registration.ts";
import {
  decodeSubscribe,
  isWanted,
  type Subscribing,
  sortRecords,
  toEndpoint,
  toInstance,
  toInstanceId,
  toLife,
  versionOf,
  type Want,
} from "./endpoints.ts";

/** POST …/register. The same endpoint again is a heartbeat. */
export async function registerEndpoint(exchange: Exchange): Promise<Result> {
  const { desk, account } = exchange;
  const endpoint = decodeEndpoint(exchange.json);
  if (!endpoint.ok) return endpoint;
  const instance = toInstance(endpoint.value);
  const life = toLife(endpoint.value);
  const outcome = await desk.registry.propose(account, { kind: "register", instance, life });
  if (!outcome.ok) return outcome;
  return toJson({ version: versionOfProvider(exchange, instance.service) });
}

/** POST …/unregister. Gone already is as good as removed. */
export async function unregisterEndpoint(exchange: Exchange): Promise<Result> {
  const { desk, account } = exchange;
  const endpoint = decodeEndpoint(exchange.json);
  if (!endpoint.ok) return endpoint;
  const instance = { service: endpoint.value.application, id: toInstanceId(endpoint.value) };
  const outcome = await desk.registry.propose(account, { kind: "deregister", instance });
  if (!outcome.ok && outcome.refusal !== "not-found") return outcome;
  return toJson({ version: versionOfProvider(exchange, instance.service) });
}

/** The version that a subscription to all of a provider's endpoints has now. */
function versionOfProvider(exchange: Exchange, provider: string): string {
  return versionOf(findEndpoints(exchange, [{ provider, protocol: "", meta: {} }]));
}

function findEndpoints({ desk, account }: Exchange, wants: readonly Want[]): readonly InstanceRecord[] {
  return desk.registry.read((view) => {
    const all = view.account(account);
    const found: InstanceRecord[] = [];
    for (const [provider, wanted] of byProvider(wants))
      for (const record of all?.service(provider)?.instances.values() ?? [])
        if (wanted.some((want) => isWanted(record, want))) found.push(record);
    return sortRecords(found);
  });
}

function byProvider(wants: readonly Want[]): ReadonlyMap<string, readonly Want[]> {
  const groups = new Map<string, Want[]>();
  for (const want of wants) {
    const group = groups.get(want.provider);
    if (group === undefined) groups.set(want.provider, [want]);
    else group.push(want);
  }
  return groups;
}

/** What looking for the endpoints of one subscription may cost. */
const LOOKS_MAX = 500_000;
const PAIRS_PER_LOOK = 16;

/** A look is one instance compared with one want that has not many pairs of meta. */
function countLooks({ desk, account }: Exchange, wants: readonly Want[]): number {
  return desk.registry.read((view) => {
    const all = view.account(account);
    let looks = 0;
    for (const { provider, meta } of wants)
      looks +=
        (all?.service(provider)?.instances.size ?? 0) * (1 + Math.floor(Object.keys(meta).length / PAIRS_PER_LOOK));
    return looks;
  });
}

function toAnswer(version: string, endpoints: readonly InstanceRecord[]): Answer {
  return toJsonBody(encodeList({ version }, "endpoints", encodeEach(endpoints)));
}

function* encodeEach(endpoints: readonly InstanceRecord[]): Iterable<EndpointBody> {
  for (const record of endpoints) yield toEndpoint(record);
}

/** POST …/subscribe */
export function subscribe(exchange: Exchange): Result | Promise<Result> {
  const { account, request } = exchange;
  const decoded = decodeSubscribe(exchange.json);
  if (!decoded.ok) return decoded;
  const asked = decoded.value;
  const consumer = asked.application === "" ? request.remoteAddress || "unknown" : asked.application;
  if (countLooks(exchange, asked.wants) > LOOKS_MAX)
    return refuse("too-large", "the subscription compares too many instances with too many wants: divide it");
  noteConsumer(exchange, consumer, asked);
  const endpoints = findEndpoints(exchange, asked.wants);
  const version = versionOf(endpoints);
  if (asked.waitMs === 0 || asked.version === undefined || asked.version !== version)
    return toAnswer(version, endpoints);
  const scope: Scope = { account, services: [...new Set(asked.wants.map((want) => want.provider))] };
  const now = exchange.desk.registry.read((view) => view.revision);
  return awaitChange(exchange, scope, now, asked.waitMs, (woken) => {
    const changed = findEndpoints(exchange, asked.wants);
    const next = versionOf(changed);
    if (woken === "changed" && next === version) return undefined;
    return toAnswer(next, changed);
  });
}

function noteConsumer({ desk, account }: Exchange, consumer: string, { wants }: Subscribing): void {
  for (const { provider, protocol } of wants) desk.consumers.note(account, consumer, provider, protocol);
}

/** GET …/consumers */
export function getConsumers(exchange: Exchange): Result {
  const { desk, account, query } = exchange;
  const provider = query.get("provider");
  if (provider === "") return refuse("invalid", "query parameter provider must not be empty");
  return desk.registry.read((view) => {
    const found = desk.consumers.list(account).filter((one) => provider === undefined || one.provider === provider);
    return toJsonBody(encodeList({ revision: view.revision }, "consumers", found.map(toConsumerBody)));
  });
}

function toConsumerBody({ sinceMs, consumer, provider, protocol }: Consumer) {
  return { consumer, provider, protocol, since: toTime(sinceMs) };
}
