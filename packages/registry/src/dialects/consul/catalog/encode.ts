/** Services and nodes as JSON. What stays the same until a service changes is written once. */
import { encodeJson } from "../wire/json.ts";
import { encodeCheck, nodeChecksOf } from "./checks.ts";
import type { Service } from "./listing.ts";
import type { Node } from "./nodes.ts";

/** Makes something of an object once, for as long as the object is there. */
function once<T extends object>(encode: (of: T) => string): (of: T) => string {
  const made = new WeakMap<T, string>();
  return (of) => {
    const known = made.get(of);
    if (known !== undefined) return known;
    const text = encode(of);
    made.set(of, text);
    return text;
  };
}

/** A node with the names that most endpoints give its members. */
export function encodeNode(node: Node, datacenter: string): string {
  return encodeJson({
    ID: node.id,
    Node: node.name,
    Address: node.address,
    Datacenter: datacenter,
    TaggedAddresses: node.taggedAddresses,
    Meta: node.meta,
    CreateIndex: node.createIndex,
    ModifyIndex: node.modifyIndex,
  });
}

/** A service as it stands on its node. */
export const encodeNodeService = once((service: Service) => {
  const { kind, taggedAddresses } = service;
  return encodeJson({
    ...(kind === "" ? {} : { Kind: kind }),
    ID: service.id,
    Service: service.name,
    Tags: service.tags,
    Address: service.address,
    ...(Object.keys(taggedAddresses).length === 0 ? {} : { TaggedAddresses: taggedAddresses }),
    Meta: service.meta,
    Port: service.port,
    Weights: service.weights,
    EnableTagOverride: service.enableTagOverride,
    Proxy: service.proxy,
    Connect: service.connect,
    PeerName: "",
    CreateIndex: service.createIndex,
    ModifyIndex: service.modifyIndex,
  });
});

const encodeChecks = once((service: Service) => service.checks.map(encodeCheck).join());

/** One of `health/service`. `encodedNode` is the node's JSON. */
export function encodeHealth(encodedNode: string, encodedNodeChecks: string, service: Service): string {
  const own = encodeChecks(service);
  const checks = encodedNodeChecks === "" || own === "" ? encodedNodeChecks + own : `${encodedNodeChecks},${own}`;
  return `{"Node":${encodedNode},"Service":${encodeNodeService(service)},"Checks":[${checks}]}`;
}

export function encodeNodeChecks(node: Node): string {
  return nodeChecksOf(node).map(encodeCheck).join();
}

/** One of `catalog/service`. */
export function encodeCatalogService(node: Node, service: Service, datacenter: string): string {
  return encodeJson({
    ID: node.id,
    Node: node.name,
    Address: node.address,
    Datacenter: datacenter,
    TaggedAddresses: node.taggedAddresses,
    NodeMeta: node.meta,
    ServiceKind: service.kind,
    ServiceID: service.id,
    ServiceName: service.name,
    ServiceTags: service.tags,
    ServiceAddress: service.address,
    ServiceTaggedAddresses: service.taggedAddresses,
    ServiceWeights: service.weights,
    ServiceMeta: service.meta,
    ServicePort: service.port,
    ServiceSocketPath: service.socketPath,
    ServiceEnableTagOverride: service.enableTagOverride,
    ServiceProxy: service.proxy,
    ServiceConnect: service.connect,
    CreateIndex: service.createIndex,
    ModifyIndex: service.modifyIndex,
  });
}

/** As the agent shows its own. */
export function agentService(service: Service, datacenter: string): Readonly<Record<string, unknown>> {
  const { kind, taggedAddresses } = service;
  return {
    ...(kind === "" ? {} : { Kind: kind }),
    ID: service.id,
    Service: service.name,
    Tags: service.tags,
    Meta: service.meta,
    Port: service.port,
    Address: service.address,
    ...(Object.keys(taggedAddresses).length === 0 ? {} : { TaggedAddresses: taggedAddresses }),
    ...(service.socketPath === "" ? {} : { SocketPath: service.socketPath }),
    Weights: service.weights,
    EnableTagOverride: service.enableTagOverride,
    ...(kind === "" ? {} : { Proxy: service.proxy }),
    Datacenter: datacenter,
  };
}
