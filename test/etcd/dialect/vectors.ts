/** What a real server answered, asked again: requests as JSON, revisions counted from the one before the first of them. */
import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { SCHEMA } from "../../../packages/registry/src/dialects/etcd/proto/schema.ts";
import { CallFailed, type Client, type Fields, KV } from "./client.ts";

export interface Exchange {
  readonly path: string;
  /** As the JSON gateway would have it, revisions as `{N}`. */
  readonly request: JsonValue;
  /** The same of the answer, without who gave it; or code and text of what was refused. */
  readonly answer?: JsonValue;
}

const NUMBERED = /revision":"(-?\d+)"/g;

/** Asks in order, and answers what came of each. */
export async function play(client: Client, asked: readonly Exchange[]): Promise<Exchange[]> {
  const { header } = await client.range("none");
  const base = header.revision as bigint;
  const told: Exchange[] = [];
  for (const { path, request } of asked)
    told.push({ path, request, answer: await playOne(client, base, path, request) });
  return told;
}

async function playOne(client: Client, base: bigint, path: string, request: JsonValue): Promise<JsonValue> {
  const method = SCHEMA.method(path);
  if (method === undefined) throw new Error(`there is no method ${path}`);
  const asked = JSON.stringify(request).replaceAll(/"\{(\d+)\}"/g, (_, n) => `"${base + BigInt(n)}"`);
  try {
    const answer = await client.ask(path, fromJson(method.input, JSON.parse(asked)) as unknown as Fields);
    const text = JSON.stringify(toJson(method.output, answer, { useProtoFieldName: true }));
    const { header, ...rest } = JSON.parse(text.replaceAll(NUMBERED, (_, n) => `revision":"{${BigInt(n) - base}}"`));
    return { revision: header.revision, ...rest };
  } catch (error) {
    if (error instanceof CallFailed) return `${error.code} ${error.message}`;
    throw error;
  }
}

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const key = (text: string, end = "") => ({ key: base64(text), ...(end !== "" && { range_end: base64(end) }) });
const put = (name: string, value: string, more: object = {}) => ({ ...key(name), value: base64(value), ...more });

/** What is asked; the answers of a server of 3.4.23 are in the dialect's vectors. */
export const ASKED: readonly Exchange[] = (
  [
    [KV.put, put("v/a", "1")],
    [KV.put, put("v/a", "2", { prev_kv: true })],
    [KV.put, put("v/b", "\xff\x00")],
    [KV.put, put("v/c", "")],
    [KV.range, key("v/", "v0")],
    [KV.range, { ...key("v/", "v0"), limit: 1 }],
    [KV.range, { ...key("v/", "v0"), limit: 1, keys_only: true, sort_order: "DESCEND" }],
    [KV.range, { ...key("v/", "v0"), count_only: true }],
    [KV.range, { ...key("v/", "v0"), max_mod_revision: "{2}", limit: 1 }],
    [KV.range, { ...key("v/", "v0"), sort_target: "MOD", sort_order: "DESCEND", limit: 2 }],
    [KV.range, { ...key("v/b", "\0"), limit: 2 }],
    [KV.range, { ...key("v/c", "v/a") }],
    [KV.range, { ...key("v/", "v0"), revision: "{1}" }],
    [KV.range, { ...key("v/", "v0"), revision: "{99}" }],
    [KV.put, put("v/b", "", { ignore_value: true, prev_kv: true })],
    [KV.put, put("v/x", "", { ignore_value: true })],
    [KV.put, put("v/b", "1", { ignore_value: true })],
    [KV.put, put("v/b", "", { lease: 77 })],
    [KV.put, put("", "")],
    [
      KV.txn,
      {
        compare: [
          { ...key("v/a"), target: "VALUE", value: base64("2") },
          { ...key("v/x"), target: "CREATE", create_revision: 0 },
          { ...key("v/", "v0"), target: "VERSION", result: "GREATER", version: 0 },
          { ...key("v/a"), target: "MOD", mod_revision: "{2}" },
        ],
        success: [
          { request_range: key("v/a") },
          { request_put: put("v/d", "4", { prev_kv: true }) },
          { request_range: { ...key("v/", "v0"), keys_only: true } },
          { request_delete_range: { ...key("v/c"), prev_kv: true } },
          { request_txn: { success: [{ request_put: put("v/e", "5") }, { request_range: key("v/e") }] } },
        ],
      },
    ],
    [KV.txn, { compare: [{ ...key("v/x"), target: "VALUE" }], failure: [{ request_range: key("v/a") }] }],
    [KV.txn, { compare: [{ ...key("v/x"), target: "VALUE" }] }],
    [KV.txn, { compare: [{ ...key("v/x", "v/y"), target: "VERSION" }] }],
    [KV.txn, { success: [{ request_put: put("v/a", "") }, { request_put: put("v/a", "") }] }],
    [KV.txn, { success: [{ request_put: put("v/a", "") }, { request_delete_range: key("v/", "v0") }] }],
    [KV.txn, { success: [{ request_delete_range: key("v/q") }, { request_delete_range: key("v/q", "v/r") }] }],
    [KV.txn, { success: [{}] }],
    [KV.txn, { success: [{ request_range: { ...key("v/a"), revision: "{99}" } }] }],
    [KV.delete, { ...key("v/", "v/c"), prev_kv: true }],
    [KV.delete, key("v/", "v/c")],
    [KV.range, { ...key("v/", "v0"), revision: "{5}", limit: 2 }],
    [KV.put, put("v/a", "again")],
    [KV.range, key("v/a")],
    [KV.range, key("v/", "v0")],
  ] as const
).map(([path, request]) => ({ path, request: request as JsonValue }));
