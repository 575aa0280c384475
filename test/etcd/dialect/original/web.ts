/** The JSON gateway and the second version's keys, by HTTP/1.1. */
import type { Answer } from "../../../harness/requests.ts";

export interface Question {
  /** Method and path. */
  readonly line: string;
  /** JSON for the gateway, a form for the second version. */
  readonly body?: string;
  /** Only what is there is compared, not its values. */
  readonly isShape?: boolean;
  readonly differs?: string;
}

const b64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");

function gateway(path: string, body: unknown, more: Partial<Question> = {}): Question {
  return { line: `POST ${path}`, body: typeof body === "string" ? body : JSON.stringify(body), ...more };
}

const key = (name: string) => ({ key: b64(name) });
const all = (name: string) => ({ key: b64(`${name}/`), range_end: b64(`${name}0`) });
const SHAPE = { isShape: true } as const;

/** What is not alike, and why. */
const NEWER = { differs: "3.5 and later answer so" };
const NO_PEERS = { isShape: true, differs: "nodes have no addresses for members of etcd" } as const;
const HEADED = { differs: "it has a header, as all other answers have" };
const OWN_USERS = { differs: "users are the accounts of the registry" };
const QUIET = { differs: "renewing a key is no change of it here" };

const GATEWAY: readonly Question[] = [
  gateway("/v3/kv/put", { ...key("j/a"), value: b64("one") }),
  gateway("/v3/kv/put", { ...key("j/a"), value: b64("two"), prev_kv: true }),
  gateway("/v3/kv/put", { ...key("j/a"), value: b64("three"), prevKv: true }),
  gateway("/v3beta/kv/put", { ...key("j/b"), value: b64("one") }),
  gateway("/v3/kv/range", key("j/a")),
  gateway("/v3/kv/range", all("j")),
  gateway("/v3beta/kv/range", { ...all("j"), limit: 1, sort_order: "DESCEND", sort_target: "VERSION" }),
  gateway("/v3/kv/range", { ...all("j"), limit: "1", sortOrder: 2, sortTarget: 1 }),
  gateway("/v3/kv/range", { ...all("j"), count_only: true, serializable: true }),
  gateway("/v3/kv/range", key("j/none")),
  gateway("/v3/kv/range", {}),
  gateway("/v3/kv/range", ""),
  gateway("/v3/kv/range", { ...key("j/a"), nothing: 1 }),
  gateway("/v3/kv/range", { key: "%" }, SHAPE),
  gateway("/v3/kv/range", { ...key("j/a"), limit: "x" }, SHAPE),
  gateway("/v3/kv/range", { ...key("j/a"), sort_order: "SIDEWAYS" }, SHAPE),
  gateway("/v3/kv/range", "{", SHAPE),
  gateway("/v3/kv/range", "[]", SHAPE),
  gateway("/v3/kv/range", { ...key("j/a"), revision: "100000000" }),
  gateway("/v3/kv/put", { ...key("j/l"), lease: "99999" }),
  gateway("/v3/kv/txn", {
    compare: [{ ...key("j/a"), result: "EQUAL", target: "VERSION", version: "3" }],
    success: [{ requestPut: { ...key("j/t"), value: b64("yes") } }, { request_range: key("j/t") }],
    failure: [{ requestRange: key("j/a") }],
  }),
  gateway("/v3/kv/txn", {
    compare: [{ ...key("j/a"), result: "GREATER", target: "MOD", mod_revision: "100000000" }],
    success: [{ requestPut: key("j/t") }],
    failure: [{ requestRange: key("j/a") }, { requestDeleteRange: { ...key("j/t"), prev_kv: true } }],
  }),
  gateway("/v3/kv/txn", { success: [{ requestPut: key("j/t") }, { requestPut: key("j/t") }] }),
  gateway("/v3/kv/txn", {}),
  gateway("/v3/kv/deleterange", { ...all("j"), prev_kv: true }),
  gateway("/v3/kv/deleterange", all("j")),
  gateway("/v3/kv/compaction", { revision: "100000000" }),
  gateway("/v3/lease/grant", { TTL: "600", ID: "4601" }),
  gateway("/v3/lease/grant", { TTL: 600, ID: 4601 }, NEWER),
  gateway("/v3/lease/grant", { TTL: "600" }, SHAPE),
  gateway("/v3/kv/put", { ...key("j/l"), value: b64("1"), lease: 4601 }),
  gateway("/v3/lease/timetolive", { ID: 4601, keys: true }),
  gateway("/v3/kv/lease/timetolive", { ID: "4601" }),
  gateway("/v3/lease/timetolive", { ID: "99999" }),
  gateway("/v3/lease/keepalive", { ID: "4601" }),
  gateway("/v3/lease/keepalive", { ID: "99999" }),
  gateway("/v3/lease/leases", {}, SHAPE),
  gateway("/v3/kv/lease/leases", {}, SHAPE),
  gateway("/v3/lease/revoke", { ID: "4601" }),
  gateway("/v3/kv/lease/revoke", { ID: "4601" }),
  gateway("/v3/cluster/member/list", {}, NO_PEERS),
  gateway("/v3/maintenance/status", {}, { ...SHAPE, ...NEWER }),
  gateway("/v3/maintenance/alarm", {}, HEADED),
  gateway("/v3/maintenance/hash", {}, SHAPE),
  gateway("/v3/auth/authenticate", { name: "root", password: "x" }, NEWER),
  gateway("/v3/auth/user/list", {}, OWN_USERS),
  gateway("/v3/election/leader", { name: b64("j-chief") }),
  gateway("/v3/kv/nothing", {}),
  gateway("/v4/kv/range", {}),
  { line: "GET /v3/kv/range" },
  { line: "PUT /v3/kv/range", body: "{}" },
  { line: "GET /version", isShape: true },
  { line: "GET /health", ...NEWER },
  { line: "GET /nothing" },
];

function keys(line: string, body?: string, more: Partial<Question> = {}): Question {
  return { line: line.replace(" ", " /v2/keys/two"), ...(body === undefined ? {} : { body }), ...more };
}

const SECOND: readonly Question[] = [
  keys("PUT /a", "value=one"),
  keys("PUT /a", "value=two"),
  keys("GET /a"),
  keys("PUT /a?value=three"),
  keys("PUT /a", "value=four&prevExist=false"),
  keys("PUT /a", "value=four&prevExist=true"),
  keys("PUT /none", "value=x&prevExist=true"),
  keys("PUT /a", "value=five&prevValue=four"),
  keys("PUT /a", "value=six&prevValue=four"),
  keys("PUT /a", "value=six&prevIndex=1"),
  keys("PUT /a", "value=six&prevValue=none&prevIndex=1"),
  keys("PUT /a", "value=six&prevIndex=0"),
  keys("PUT /a", "value=six&prevValue="),
  keys("PUT /a", "value=six&prevIndex=x"),
  keys("PUT /none", "value=six&prevValue=x"),
  keys("PUT /a", "value=six&prevExist=maybe"),
  keys("PUT /a", ""),
  keys("PUT /empty", "value="),
  keys("PUT /c/d/e", "value=deep"),
  keys("PUT /c/d/f", "value=deep"),
  keys("GET /c"),
  keys("GET /c?recursive=true&sorted=true"),
  keys("GET ?recursive=true&sorted=true"),
  keys("GET ?sorted=true"),
  keys("GET /none"),
  keys("GET /c/none"),
  keys("GET /a/below"),
  keys("PUT /a/below", "value=x"),
  keys("PUT /c", "value=x"),
  keys("PUT /c/d", "value=x"),
  keys("PUT /dir", "dir=true"),
  keys("PUT /dir", "dir=true"),
  keys("PUT /dir", "dir=true&prevExist=true"),
  keys("PUT /dir", "dir=true&prevExist=true&ttl=600"),
  keys("GET /dir"),
  keys("PUT /file", "value=x"),
  keys("PUT /file", "dir=true"),
  keys("GET /file"),
  keys("POST /queue", "value=first", { isShape: true }),
  keys("POST /queue", "value=second", { isShape: true }),
  keys("GET /queue?sorted=true", undefined, { isShape: true }),
  keys("POST /file", "value=x", { isShape: true }),
  keys("PUT /ttl", "value=x&ttl=600"),
  keys("GET /ttl"),
  keys("PUT /ttl", "refresh=true&ttl=900&prevExist=true", QUIET),
  keys("PUT /ttl", "refresh=true&ttl=900&value=x"),
  keys("PUT /ttl", "refresh=true&prevExist=true"),
  keys("PUT /ttl", "value=y&ttl=&prevExist=true"),
  keys("PUT /ttl", "value=y&ttl=x"),
  keys("PUT /ttl", "value=y&ttl=-1"),
  keys("PUT /_hidden", "value=x"),
  keys("GET /_hidden"),
  keys("GET ?sorted=true"),
  keys("PUT /a", "value=quiet&noValueOnSuccess=true"),
  keys("GET /a?quorum=true"),
  keys("GET /a?quorum=maybe"),
  keys("GET /a?wait=maybe"),
  keys("GET /a?wait=true&waitIndex=x"),
  keys("GET /a?wait=true&quorum=true"),
  keys("HEAD /a"),
  keys("DELETE /a?prevValue=none"),
  keys("DELETE /a?prevIndex=1"),
  keys("DELETE /a?prevValue="),
  keys("DELETE /a?prevValue=quiet"),
  keys("PUT /a", "value=one"),
  keys("DELETE /a"),
  keys("DELETE /c"),
  keys("DELETE /c?dir=true"),
  keys("DELETE /dir?dir=true"),
  keys("DELETE /c?recursive=true"),
  keys("DELETE /c?recursive=true&dir=true"),
  keys("PATCH /a"),
  { line: "PUT /v2/keys/", body: "value=x" },
  { line: "DELETE /v2/keys/?recursive=true" },
  { line: "GET /v2/keys", isShape: true },
  { line: "GET /v2/members", ...NO_PEERS },
  { line: "GET /v2/members/leader", ...NO_PEERS },
  { line: "GET /v2/machines", isShape: true },
  { line: "GET /v2/stats/self", isShape: true },
  { line: "GET /v2/stats/store", isShape: true },
  { line: "GET /v2/stats/leader", isShape: true },
  { line: "GET /v2/nothing" },
];

export const QUESTIONS: readonly Question[] = [...GATEWAY, ...SECOND];

/** Numbers of a server's own become their order within one answer, so that it is seen which are the same. */
const INDEX = /^(modifiedIndex|index|create_revision|mod_revision)$/;
const SECONDS = /^(ttl|TTL)$/;

export function maskAnswer({ line, isShape = false }: Question, { status, text, headers }: Answer): unknown {
  const own = Object.keys(headers).filter((name) => name.startsWith("x-etcd"));
  const lines = text.trim().split("\n");
  const body = lines.map((one) => {
    try {
      const value: unknown = JSON.parse(one);
      return isShape ? shape(value) : mask(value, ranksOf(value), /sorted=true/.test(line));
    } catch {
      // What etcd says of a request that is none is not JSON.
      return isShape ? "text" : one;
    }
  });
  return [status, headers["content-type"] ?? "", own.sort(), ...body];
}

function ranksOf(value: unknown): readonly number[] {
  const found = new Set<number>();
  const visit = (one: unknown): void => {
    if (typeof one !== "object" || one === null) return;
    for (const [name, inner] of Object.entries(one)) {
      if (INDEX.test(name)) found.add(Number(inner));
      visit(inner);
    }
  };
  visit(value);
  return [...found].sort((one, other) => one - other);
}

function mask(value: unknown, ranks: readonly number[], isSorted: boolean, name = ""): unknown {
  if (name === "header") return Object.keys(value as object).join();
  if (name === "index" && value === 0) return 0;
  // A `set` of etcd makes a key anew; here it changes the one that there is, as it does in the third version.
  if (name === "createdIndex") return typeof value;
  if (INDEX.test(name)) return `i${ranks.indexOf(Number(value))}`;
  if (SECONDS.test(name) && Number(value) > 0) return `up to ${10 * Math.ceil(Number(value) / 10)}`;
  if (name === "expiration") return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(String(value));
  // It says which was given, and which is there.
  if (name === "cause") return String(value).replaceAll(/\b\d+\b/g, "N");
  if (Array.isArray(value)) {
    const all = value.map((one) => mask(one, ranks, isSorted));
    // Nodes come in any order unless another one is asked for.
    return name === "nodes" && !isSorted ? all.sort((one, other) => compare(one, other)) : all;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, one]) => [key, mask(one, ranks, isSorted, key)] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

function compare(one: unknown, other: unknown): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
}

function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape);
  if (typeof value !== "object" || value === null) return typeof value;
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([name, one]) => [name, shape(one)]));
}
