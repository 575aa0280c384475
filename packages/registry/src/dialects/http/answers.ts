/** Answers that many handlers give. */
import type { ClusterBody } from "@rollcall/client";
import { type Cluster, type Outcome, type Receipt, type Refused, refuse } from "../../core/index.ts";
import { toTime } from "../../native/wire/numbers.ts";
import { type Body, listParts } from "../../net/answers/parts.ts";
import { Head, type Headers } from "../../net/http/head.ts";
import type { Answer } from "../../net/routes/answer.ts";
import type { Exchange } from "./desk.ts";
import { encodeTag, matchesTag } from "./wire/tags.ts";

const JSON_HEADERS: Headers = { "Content-Type": "application/json" };
const JSON_HEAD = new Head(JSON_HEADERS);

export function toJson(body: unknown, status = 200, headers?: Headers): Answer {
  const head = headers === undefined ? JSON_HEAD : { ...JSON_HEADERS, ...headers };
  return { status, head, body: `${JSON.stringify(body)}\n` };
}

/** To a position of another order. */
export const OF_ANOTHER: Refused = refuse(
  "compacted",
  "the position is of another registry, or of this one before it was begun anew; read again",
);

/** A page ends early when its records pass this, by their size in memory. */
export const PAGE_BYTES_MAX = 4 * 1024 * 1024;

/** And one that is gathered as text, as it has to be read first. */
export const GATHERED_BYTES_MAX = 2 * 1024 * 1024;

/** A body whose last member is a list, or its last but those in `after`; encoded as it is sent. */
export function encodeList(before: object, name: string, items: Iterable<unknown>, after: object = {}): Body {
  const head = JSON.stringify(before).slice(0, -1);
  const tail = JSON.stringify(after).slice(1);
  return listParts(
    `${head === "{" ? head : `${head},`}"${name}":[`,
    encodeEach(items),
    `]${tail === "}" ? tail : `,${tail}`}\n`,
  );
}

/** An array in parts. */
export function encodeArray(items: Iterable<unknown>): Body {
  return listParts("[", encodeEach(items), "]\n");
}

function* encodeEach(items: Iterable<unknown>): Iterable<string | undefined> {
  for (const item of items) yield item === undefined ? undefined : JSON.stringify(item);
}

export function toJsonBody(body: Body, status = 200): Answer {
  return { status, head: JSON_HEAD, body };
}

/** A caller that keeps the answer asks each time whether it still holds. */
export function toStateHeaders(tag: string): Headers {
  return { ETag: tag, "Cache-Control": "no-cache" };
}

/** RFC 9110 §13.1.2: 304 when the client has this revision already. */
export function findUnchanged({ request, desk }: Exchange, revision: number): Answer | undefined {
  const known = request.header("if-none-match");
  if (known === undefined || !matchesTag(known, revision, desk.mark)) return undefined;
  return { status: 304, head: toStateHeaders(encodeTag(revision, desk.mark)) };
}

/** The state at a revision, or 304. */
export function toState(exchange: Exchange, revision: number, body: () => unknown): Answer {
  const tag = encodeTag(revision, exchange.desk.mark);
  return findUnchanged(exchange, revision) ?? toJson(body(), 200, toStateHeaders(tag));
}

/** The same with a body that is encoded as it is sent. */
export function toStateBody(exchange: Exchange, revision: number, body: () => Body): Answer {
  const head = { ...JSON_HEADERS, ...toStateHeaders(encodeTag(revision, exchange.desk.mark)) };
  return findUnchanged(exchange, revision) ?? { status: 200, head, body: body() };
}

/** What came of a change. */
export function toRevised(outcome: Outcome<Receipt>): Answer | Refused {
  return outcome.ok ? toJson({ revision: outcome.value.revision }) : outcome;
}

const BEATS_MAX = 1024;
const beats = new Map<number | null, Answer>();

/** The answer to a heartbeat. */
export function toBeat(ttlMs: number | null): Answer {
  let answer = beats.get(ttlMs);
  if (answer === undefined) {
    answer = toJson({ ttlMs });
    if (beats.size >= BEATS_MAX) beats.clear();
    beats.set(ttlMs, answer);
  }
  return answer;
}

/** The nodes as the one that answers knows them, and their store; null where it runs alone. */
export function toClusterBody(cluster: Cluster | undefined): ClusterBody | null {
  if (cluster === undefined) return null;
  const nodes = cluster.nodes.map((one) => ({
    node: one.name,
    address: one.address === "" ? null : one.address,
    since: toTime(one.sinceMs),
    self: one.name === cluster.name,
    reached: one.isReached,
    present: one.isPresent,
    heardMs: roundMs(one.heardMs),
    duty: one.isOnDuty,
    leases: one.kept,
    revision: one.revision,
    behind: one.lag && { changes: one.lag.changes, ms: roundMs(one.lag.ms) },
  }));
  const etcd = cluster.store.map(({ address, isLeader, alarms, ...member }) => ({
    url: address,
    leader: isLeader,
    ...member,
    alarms: [...alarms],
  }));
  const behind = { revisions: cluster.lagRevisions, ms: Math.round(cluster.lagMs) };
  return { nodes, behind, partitioned: cluster.isPartitioned, etcd };
}

/** The same for everybody: without addresses and what the nodes hold. */
export function toReadyCluster(cluster: Cluster | undefined): object {
  const body = toClusterBody(cluster);
  if (body === null) return {};
  const nodes = body.nodes.map(({ node, self, reached, present, heardMs, behind }) => ({
    ...{ node, self, reached, present, heardMs, behind },
  }));
  return { partitioned: body.partitioned, behind: body.behind, nodes };
}

function roundMs(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}
