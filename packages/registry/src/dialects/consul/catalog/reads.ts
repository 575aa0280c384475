/** @live `GET /v1/catalog/…`: nodes and services. */
import { type AccountView, perRevision, type ServiceView } from "../../../core/index.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { answerQuery } from "../requests/blocking.ts";
import { jsonOf, show } from "../wire/answer.ts";
import { encodeJson } from "../wire/json.ts";
import { encodeCatalogService, encodeNode, encodeNodeService } from "./encode.ts";
import { CONSUL, consulService, find, findAnyNode, listNodes, nodeOf, type Service, servicesOn } from "./listing.ts";
import type { Node } from "./nodes.ts";
import { aboutNames, aboutNode, aboutNodes, aboutService } from "./subjects.ts";

export const listDatacenters: Handle = ({ agent }) => jsonOf([agent.datacenter]);

/** There is no mesh. */
export const listConnect: Handle = (desk, call) =>
  answerQuery(
    desk,
    call,
    aboutNamed(desk, call, () => show("[]")),
  );

export const listAllNodes: Handle = (desk, call) => {
  const wanted = metaWanted(call.query);
  return answerQuery(
    desk,
    call,
    aboutNodes(desk, (account) => {
      const nodes = listNodes(account, desk).filter((node) => hasMeta(node, wanted));
      return show(listParts("[", encodeNodes(nodes, desk.agent.datacenter), "]"));
    }),
  );
};

function* encodeNodes(nodes: readonly Node[], datacenter: string): Iterable<string> {
  for (const node of nodes) yield encodeNode(node, datacenter);
}

/** The names of all services, each with all tags of its instances. */
export const listServices: Handle = (desk, call) => {
  const wanted = metaWanted(call.query);
  return answerQuery(
    desk,
    call,
    aboutNames((account) => {
      const found: Record<string, readonly string[]> = Object.create(null);
      found[CONSUL] = [];
      for (const service of account?.services() ?? []) {
        const tags = wanted.length === 0 ? tagsOf(service) : tagsOn(account, service, desk, wanted);
        if (tags !== undefined) found[service.name] = tags;
      }
      return show(encodeJson(found));
    }),
  );
};

const tagsOf = perRevision((service: ServiceView): readonly string[] => {
  const tags = new Set<string>();
  for (const record of service.instances.values()) for (const tag of record.tags) tags.add(tag);
  return [...tags].sort();
});

/** Of those on nodes with this meta; undefined when there are none. */
function tagsOn(
  account: AccountView | undefined,
  { name }: ServiceView,
  desk: Desk,
  wanted: readonly Pair[],
): readonly string[] | undefined {
  const there = find(account, name, desk).filter((service) => hasMeta(nodeOf(account, service, desk), wanted));
  return there.length === 0 ? undefined : [...new Set(there.flatMap(({ tags }) => tags))].sort();
}

export const listInstances: Handle = (desk, call) => {
  const [name = ""] = call.params;
  const wanted = metaWanted(call.query);
  const tags = tagsWanted(call.query);
  return answerQuery(
    desk,
    call,
    aboutNamed(desk, call, (account) => {
      const services = find(account, name, desk).filter((service) => hasTags(service, tags));
      return show(listParts("[", encodeInstances(account, services, desk, wanted), "]"));
    }),
  );
};

function* encodeInstances(
  account: AccountView | undefined,
  services: readonly Service[],
  desk: Desk,
  wanted: readonly Pair[],
): Iterable<string> {
  // All at once: the account's nodes may not be looked at later.
  const parts = services.map((service) => [nodeOf(account, service, desk), service] as const);
  for (const [node, service] of parts)
    if (hasMeta(node, wanted)) yield encodeCatalogService(node, service, desk.agent.datacenter);
}

export const showNode: Handle = (desk, call) => {
  const [name = ""] = call.params;
  return answerQuery(
    desk,
    call,
    aboutNode(name, desk, (account) => {
      const found = findOn(account, name, desk);
      if (found === undefined) return show("null");
      const services = found.services.map((one) => `${encodeJson(one.id)}:${encodeNodeService(one)}`);
      return show(`{"Node":${encodeNode(found.node, desk.agent.datacenter)},"Services":{${services.join()}}}`);
    }),
  );
};

export const listNodeServices: Handle = (desk, call) => {
  const [name = ""] = call.params;
  return answerQuery(
    desk,
    call,
    aboutNode(name, desk, (account) => {
      const found = findOn(account, name, desk);
      if (found === undefined) return show('{"Node":null,"Services":null}');
      const services = found.services.map(encodeNodeService);
      return show(`{"Node":${encodeNode(found.node, desk.agent.datacenter)},"Services":[${services.join()}]}`);
    }),
  );
};

/** A node with all that stands on it, by id: of several with one id, the last. */
function findOn(account: AccountView | undefined, name: string, desk: Desk) {
  const node = findAnyNode(account, name, desk);
  if (node === undefined) return undefined;
  const services = new Map<string, Service>();
  if (node.name.toLowerCase() === desk.agent.node.toLowerCase()) services.set(CONSUL, consulService(desk));
  for (const service of servicesOn(account, name, desk)) services.set(service.id, service);
  return { node, services: [...services.values()] };
}

/** A query about the service that the path names. */
export function aboutNamed(
  desk: Desk,
  { params, account }: Call,
  display: Parameters<typeof aboutService>[3],
): ReturnType<typeof aboutService> {
  const [name = ""] = params;
  return desk.registry.read((view) => aboutService(view.account(account), name, desk, display));
}

export type Pair = readonly [name: string, value: string];

/** `node-meta=name:value`, any number of times. */
export function metaWanted(query: Query): readonly Pair[] {
  return query.all("node-meta").map((text) => {
    const at = text.indexOf(":");
    return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  });
}

export function hasMeta({ meta }: Node, wanted: readonly Pair[]): boolean {
  return wanted.every(([name, value]) => Object.hasOwn(meta, name) && meta[name] === value);
}

export function tagsWanted(query: Query): readonly string[] {
  return query
    .all("tag")
    .filter((tag) => tag !== "")
    .map((tag) => tag.toLowerCase());
}

/** All of them; the case of letters does not count. */
export function hasTags({ tags }: Service, wanted: readonly string[]): boolean {
  return wanted.every((tag) => tags.some((own) => own.toLowerCase() === tag));
}
