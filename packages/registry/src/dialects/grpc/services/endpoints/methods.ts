/** @live The service Endpoints: register, unregister, subscribe. */
import { type Account, type Outcome, ok } from "../../../../core/index.ts";
import { findEndpoints, toInstance, toInstanceId, toLife, versionOf } from "../../../../native/catalog/endpoints.ts";
import { registeredRecord } from "../../../../native/catalog/registering.ts";
import { decodeEndpoint, type Endpoint } from "../../../../native/wire/registration.ts";
import type { Method } from "../../../../net/grpc/method.ts";
import { toBody, unary } from "../../calls.ts";
import type { Asker, Desk } from "../../desk.ts";
import type { RegisterEndpointRequest, UnregisterEndpointRequest } from "../../proto/generated/registry.ts";
import { SUBSCRIBE } from "./subscribe.ts";

function readEndpoint(request: RegisterEndpointRequest | UnregisterEndpointRequest): Outcome<Endpoint> {
  const { endpoint, ttl } = toBody(request) as { endpoint?: object; ttl?: string };
  return decodeEndpoint({ ...endpoint, ...(ttl !== undefined && { ttl }) });
}

async function register(desk: Desk, account: Account, request: RegisterEndpointRequest, asker: Asker) {
  const endpoint = readEndpoint(request);
  if (!endpoint.ok) return endpoint;
  const instance = toInstance(endpoint.value, "grpc");
  const { service, id } = instance;
  const life = toLife(endpoint.value);
  const receipt = await asker.propose(account, { kind: "register", instance, life });
  if (!receipt.ok) return receipt;
  const record = registeredRecord(receipt.value) ?? desk.registry.read((view) => view.instance(account, service, id));
  return ok({ version: versionNow(desk, account, service), lease: record?.lease ?? null });
}

async function unregister(desk: Desk, account: Account, request: UnregisterEndpointRequest, asker: Asker) {
  const endpoint = readEndpoint(request);
  if (!endpoint.ok) return endpoint;
  const instance = { service: endpoint.value.application, id: toInstanceId(endpoint.value) };
  const receipt = await asker.propose(account, { kind: "deregister", instance });
  if (!receipt.ok && receipt.refusal !== "not-found") return receipt;
  return ok({ version: versionNow(desk, account, instance.service) });
}

/** The version that a subscription to all of a provider's endpoints has now. */
function versionNow({ registry }: Desk, account: Account, provider: string): string {
  return versionOf(findEndpoints(registry, account, [{ provider, protocol: "", meta: {} }]));
}

export const ENDPOINTS: readonly Method<Desk>[] = [
  unary<RegisterEndpointRequest>("Endpoints/Register", "writer", register),
  unary<UnregisterEndpointRequest>("Endpoints/Unregister", "writer", unregister),
  SUBSCRIBE,
];
