/** @live `GET /v1/catalog/…`: nodes and services. */
import { type AccountView, perRevision, type ServiceView } from "../../../core/index.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { answerQuery } from "../requests/blocking.ts";
import { chosenOf } from "../requests/filter/filter.ts";
import { jsonOf, show } from "../wire/answer.ts";
import { encodeJson } from "../wire/json.ts";
import { encodeCatalogService, encodeNode, encodeNodeService } from "./encode.ts";
import {
  CONSUL,
  consulService,
  find,
  findAnyNode,
  listNodes,
  nodeOf,
  type Service,
  servicesOf,
  servicesOn,
} from "./listing.ts";
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
      return show(listParts("[", chosenOf(encodeNodes(nodes, desk.agent.datacenter), call.filter), "]"));
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
    aboutNames(call.filter !== undefined, (account) => {
      const found: Record<string, readonly string[]> = Object.create(null);
      if (isIn(account, consulService(desk), desk, call, wanted)) found[CONSUL] = [];
      for (const service of account?.services() ?? []) {
        const isPlain = wanted.length === 0 && call.filter === undefined;
        const tags = isPlain ? tagsOf(service) : tagsAmong(account, service, desk, call, wanted);
        if (tags !== undefined) found[service.name] = tags;
      }
      return show(encodeJson(found));
    }),
  );
};

const tagsOf = perRevision((service: ServiceView): readonly string[] => {
  const tags = new Set<string>();
  for (const record of service.instances.values()) for (const tag of record.tags) tags.add(tag);
  return [...tags];
});

/** Of those that are asked for; undefined when there are none. */
function tagsAmong(
  account: AccountView | undefined,
  service: ServiceView,
  desk: Desk,
  call: Call,
  wanted: readonly Pair[],
): readonly string[] | undefined {
  const there = servicesOf(service, desk).filter((one) => isIn(account, one, desk, call, wanted));
  return there.length === 0 ? undefined : [...new Set(there.flatMap(({ tags }) => tags))];
}

/** Its node has this meta, and it passes the filter. */
function isIn(
  account: AccountView | undefined,
  service: Service,
  desk: Desk,
  { filter }: Call,
  wanted: readonly Pair[],
): boolean {
  if (wanted.length === 0 && filter === undefined) return true;
  const node = nodeOf(account, service, desk);
  if (!hasMeta(node, wanted)) return false;
  return filter === undefined || filter(JSON.parse(encodeCatalogService(node, service, desk.agent.datacenter)));
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
      return show(listParts("[", chosenOf(encodeInstances(account, services, desk, wanted), call.filter), "]"));
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

export const showNode = onNode("null", (node, services) => {
  const named = services.map((one) => `${encodeJson(one.id)}:${encodeNodeService(one)}`);
  return `{"Node":${node},"Services":{${named.join()}}}`;
});

export const listNodeServices = onNode(
  '{"Node":null,"Services":null}',
  (node, services) => `{"Node":${node},"Services":[${services.map(encodeNodeService).join()}]}`,
);

/** A read of the node that the path names. `absent`: what is said when there is none. */
function onNode(absent: string, encode: (encodedNode: string, services: readonly Service[]) => string): Handle {
  return (desk, call) => {
    const [name = ""] = call.params;
    return answerQuery(
      desk,
      call,
      aboutNode(name, desk, (account) => {
        const found = findOn(account, name, desk);
        if (found === undefined) return show(absent);
        return show(encode(encodeNode(found.node, desk.agent.datacenter), found.services.filter(isChosen(call))));
      }),
    );
  };
}

function isChosen({ filter }: Call): (service: Service) => boolean {
  return (service) => filter === undefined || filter(JSON.parse(encodeNodeService(service)));
}

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
  { params, account, request }: Call,
  display: Parameters<typeof aboutService>[3],
): ReturnType<typeof aboutService> {
  const [name = ""] = params;
  desk.looked(account, name, request.remoteAddress);
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
  return query.all("tag").map((tag) => tag.toLowerCase());
}

/** All of them; the case of letters does not count. */
export function hasTags({ tags }: Service, wanted: readonly string[]): boolean {
  return wanted.every((tag) => tags.some((own) => own.toLowerCase() === tag));
}
