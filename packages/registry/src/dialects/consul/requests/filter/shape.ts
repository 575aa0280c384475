/** What filters may ask of the things that an endpoint lists: the names and kinds of their members. */

export type Shape =
  | { readonly kind: "text" }
  | { readonly kind: "number" }
  | { readonly kind: "flag" }
  | { readonly kind: "texts" }
  /** Of any names. */
  | { readonly kind: "map"; readonly of: Shape }
  | { readonly kind: "object"; readonly members: Readonly<Record<string, Shape>> }
  /** Any one of them will do. */
  | { readonly kind: "objects"; readonly of: Extract<Shape, { readonly kind: "object" }> };

export type ObjectShape = Extract<Shape, { readonly kind: "object" }>;

const TEXT: Shape = { kind: "text" };
const NUMBER: Shape = { kind: "number" };
const FLAG: Shape = { kind: "flag" };
const TEXTS: Shape = { kind: "texts" };
const PAIRS: Shape = { kind: "map", of: TEXT };
const TAGGED: Shape = { kind: "map", of: object({ Address: TEXT, Port: NUMBER }) };
const WEIGHTS = object({ Passing: NUMBER, Warning: NUMBER });

/** What is kept of a mesh. */
const PROXY = object({
  DestinationServiceName: TEXT,
  DestinationServiceID: TEXT,
  LocalServiceAddress: TEXT,
  LocalServicePort: NUMBER,
  Mode: TEXT,
});
const CONNECT = object({ Native: FLAG });

function object(members: Readonly<Record<string, Shape>>): ObjectShape {
  return { kind: "object", members };
}

const NODE = { ID: TEXT, Node: TEXT, Address: TEXT, Datacenter: TEXT, TaggedAddresses: PAIRS };

const SERVICE = {
  Kind: TEXT,
  ID: TEXT,
  Service: TEXT,
  Tags: TEXTS,
  Address: TEXT,
  TaggedAddresses: TAGGED,
  Meta: PAIRS,
  Port: NUMBER,
  Weights: WEIGHTS,
  EnableTagOverride: FLAG,
  SocketPath: TEXT,
  PeerName: TEXT,
  Proxy: PROXY,
  Connect: CONNECT,
};

const CHECK = {
  Node: TEXT,
  CheckID: TEXT,
  Name: TEXT,
  Status: TEXT,
  Notes: TEXT,
  Output: TEXT,
  ServiceID: TEXT,
  ServiceName: TEXT,
  ServiceTags: TEXTS,
  Type: TEXT,
};

export const NODES = object({ ...NODE, Meta: PAIRS });
export const SERVICES = object(SERVICE);
export const CHECKS = object(CHECK);

/** Of `health/service`. */
export const ENTRIES = object({ Node: NODES, Service: SERVICES, Checks: { kind: "objects", of: CHECKS } });

/** Of `catalog/service` and `catalog/services`. */
export const CATALOG = object({
  ...NODE,
  NodeMeta: PAIRS,
  ServiceKind: TEXT,
  ServiceID: TEXT,
  ServiceName: TEXT,
  ServiceTags: TEXTS,
  ServiceAddress: TEXT,
  ServiceTaggedAddresses: TAGGED,
  ServiceWeights: WEIGHTS,
  ServiceMeta: PAIRS,
  ServicePort: NUMBER,
  ServiceEnableTagOverride: FLAG,
  ServiceSocketPath: TEXT,
  PeerName: TEXT,
  ServiceProxy: PROXY,
  ServiceConnect: CONNECT,
});
