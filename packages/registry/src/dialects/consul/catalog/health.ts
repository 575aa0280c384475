/** @live `GET /v1/health/…`: services with their checks, and checks by themselves. */
import type { AccountView } from "../../../core/index.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Desk, Handle } from "../desk.ts";
import { answerQuery } from "../requests/blocking.ts";
import { keepBodies } from "../requests/bodies.ts";
import { chosenOf } from "../requests/filter/filter.ts";
import { show, text } from "../wire/answer.ts";
import { BY_TROUBLE, compareChecks, encodeCheck, nodeChecksOf, type ShownCheck } from "./checks.ts";
import { encodeHealth, encodeNode, encodeNodeChecks } from "./encode.ts";
import { find, findAnyNode, keptNodes, nodeOf, type Service, servicesOf, servicesOn, toService } from "./listing.ts";
import { type Node, nodesRevision } from "./nodes.ts";
import { aboutNamed, hasMeta, hasTags, metaWanted, type Pair, tagsWanted } from "./reads.ts";
import { aboutNode, aboutState } from "./subjects.ts";

/** `GET /v1/health/service/:name` */
export const listHealth: Handle = (desk, call) => {
  const [name = ""] = call.params;
  const { query } = call;
  const passing = readPassing(query);
  if (passing === undefined) return text(400, "Invalid value for ?passing");
  const wanted = { passing, meta: metaWanted(query), tags: tagsWanted(query) };
  const isPlain = wanted.meta.length === 0 && wanted.tags.length === 0 && call.filter === undefined;
  const bodies = passing ? PASSING : ALL;
  return answerQuery(
    desk,
    call,
    aboutNamed(desk, call, (account) => {
      const make = () => encodeEntries(account, find(account, name, desk), desk, wanted);
      const service = isPlain ? account?.service(name) : undefined;
      const kept = account && service && bodies(service, nodesRevision(account), make);
      if (kept !== undefined) return show(kept);
      const entries = make();
      return show(listParts("[", chosenOf(entries, call.filter), "]"));
    }),
  );
};

const PASSING = keepBodies();
const ALL = keepBodies();

/** There is no mesh. */
export const listConnectHealth: Handle = (desk, call) =>
  answerQuery(
    desk,
    call,
    aboutNamed(desk, call, () => show("[]")),
  );

/** Without a value it is meant. */
function readPassing(query: Query): boolean | undefined {
  const given = query.get("passing");
  if (given === undefined) return false;
  if (/^(?:|1|t|true)$/i.test(given)) return true;
  return /^(?:0|f|false)$/i.test(given) ? false : undefined;
}

interface Wanted {
  readonly passing: boolean;
  readonly meta: readonly Pair[];
  readonly tags: readonly string[];
}

function isPassing({ status }: Pick<ShownCheck, "status">): boolean {
  return status === "passing";
}

/** Made when the client takes them; the nodes are looked up before. */
function encodeEntries(
  account: AccountView | undefined,
  services: readonly Service[],
  desk: Desk,
  { passing, meta, tags }: Wanted,
): Iterable<string> {
  const nodes = new Map<string, Node>();
  const nodeAt = (service: Service): Node => {
    const key = `${service.node}\n${service.reachedAt}`;
    const known = nodes.get(key) ?? nodeOf(account, service, desk);
    nodes.set(key, known);
    return known;
  };
  const chosen: (readonly [Node, Service])[] = [];
  for (const service of services) {
    if (passing && !service.checks.every(isPassing)) continue;
    const node = nodeAt(service);
    if (passing && !node.checks.every(isPassing)) continue;
    if (hasTags(service, tags) && hasMeta(node, meta)) chosen.push([node, service]);
  }
  return encodeChosen(chosen, desk.agent.datacenter);
}

function* encodeChosen(chosen: readonly (readonly [Node, Service])[], datacenter: string): Iterable<string> {
  const encoded = new Map<Node, readonly [node: string, checks: string]>();
  for (const [node, service] of chosen) {
    let known = encoded.get(node);
    if (known === undefined) {
      known = [encodeNode(node, datacenter), encodeNodeChecks(node)];
      encoded.set(node, known);
    }
    yield encodeHealth(...known, service);
  }
}

/** `GET /v1/health/node/:node` */
export const listNodeChecks: Handle = (desk, call) => {
  const [name = ""] = call.params;
  return answerQuery(
    desk,
    call,
    aboutNode(name, desk, (account) => {
      const node = findAnyNode(account, name, desk);
      const own = node === undefined ? [] : nodeChecksOf(node);
      const all = [...own, ...servicesOn(account, name, desk).flatMap((service) => service.checks)];
      const checks = all.sort(compareChecks);
      return show(listParts("[", chosenOf(encodeChecks(checks), call.filter), "]"));
    }),
  );
};

/** `GET /v1/health/checks/:service` */
export const listServiceChecks: Handle = (desk, call) => {
  const [name = ""] = call.params;
  const meta = metaWanted(call.query);
  return answerQuery(
    desk,
    call,
    aboutNamed(desk, call, (account) => {
      const services = find(account, name, desk).filter((service) => hasMeta(nodeOf(account, service, desk), meta));
      return show(
        listParts(
          "[",
          chosenOf(encodeChecks(services.flatMap(({ checks }) => checks).sort(compareChecks)), call.filter),
          "]",
        ),
      );
    }),
  );
};

/** `GET /v1/health/state/:state` */
export const listByState: Handle = (desk, call) => {
  const [given = ""] = call.params;
  const state = given.toLowerCase();
  const meta = metaWanted(call.query);
  return answerQuery(
    desk,
    call,
    aboutState(state, desk, (account) =>
      show(listParts("[", chosenOf(encodeChecks(checksIn(account, desk, state, meta)), call.filter), "]")),
    ),
  );
};

function checksIn(account: AccountView | undefined, desk: Desk, state: string, meta: readonly Pair[]) {
  const found: ShownCheck[] = [];
  const isWanted = (check: ShownCheck): boolean => state === "any" || check.status === state;
  for (const node of keptNodes(account, desk))
    if (hasMeta(node, meta)) for (const check of nodeChecksOf(node)) if (isWanted(check)) found.push(check);
  for (const service of servicesIn(account, desk, state)) {
    if (meta.length > 0 && !hasMeta(nodeOf(account, service, desk), meta)) continue;
    for (const check of service.checks) if (isWanted(check)) found.push(check);
  }
  return found.sort(compareChecks);
}

/** Those with a check in this state, and perhaps others. */
function* servicesIn(account: AccountView | undefined, desk: Desk, state: string): Iterable<Service> {
  if (account === undefined) return;
  if (state === "any" || state === "passing")
    for (const service of account.services()) yield* servicesOf(service, desk);
  else for (const record of account.grouped(BY_TROUBLE, state)) yield toService(record, desk);
}

function* encodeChecks(checks: readonly ShownCheck[]): Iterable<string> {
  for (const check of checks) yield encodeCheck(check);
}
