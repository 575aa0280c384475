/** What a request of `/v2/keys` asks for: parameters may stand in the query, in a form, or in both, where the form goes first. */
import { type Bytes, type Outcome, ok, toBytes } from "../../../../core/index.ts";
import type { Query } from "../../../../net/http/query.ts";
import { type ErrorCode, type Failed, failed } from "./errors.ts";

export interface Wish {
  readonly method: string;
  readonly path: Bytes;
  readonly value: Bytes;
  readonly isDirectory: boolean;
  /** In seconds; null for none. */
  readonly ttl: number | null;
  readonly refresh: boolean;
  readonly prevExist: boolean | undefined;
  /** Empty for any. */
  readonly prevValue: Bytes;
  /** 64 bits, in decimal; "0" for any. */
  readonly prevIndex: string;
  readonly isRecursive: boolean;
  readonly waits: boolean;
  /** 0 for what comes next. */
  readonly waitIndex: number;
  readonly streams: boolean;
  readonly isQuorum: boolean;
  /** Answered without nodes. */
  readonly isBare: boolean;
}

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);
const LONG_MAX = 2n ** 64n - 1n;

type Read<T> = Outcome<T, Failed>;

class Form {
  readonly #queries: readonly Query[];

  constructor(queries: readonly Query[]) {
    this.#queries = queries;
  }

  has(name: string): boolean {
    return this.#queries.some((query) => query.has(name));
  }

  text(name: string): string {
    return this.#queries.find((query) => query.has(name))?.get(name) ?? "";
  }

  /** In decimal; "0" where it is not said. */
  long(name: string, code: ErrorCode = 203): Read<string> {
    if (!this.has(name)) return ok("0");
    const text = this.text(name);
    if (/^\d{1,100}$/.test(text) && BigInt(text) <= LONG_MAX) return ok(String(BigInt(text)));
    return failed(code, `invalid value for "${name}"`);
  }

  /** False where it is not said. */
  flag(name: string, shown = `"${name}"`): Read<boolean> {
    if (!this.has(name)) return ok(false);
    const text = this.text(name);
    return TRUE.has(text) || FALSE.has(text) ? ok(TRUE.has(text)) : failed(209, `invalid value for ${shown}`);
  }
}

const FLAGS = ["recursive", "sorted", "wait", "dir", "quorum", "stream"] as const;

/** `queries`: those of the form and of the query, in the order in which they count. The checks are in the original's order. */
export function readWish(method: string, path: Bytes, queries: readonly Query[]): Read<Wish> {
  const form = new Form(queries);
  const prevIndex = form.long("prevIndex");
  if (!prevIndex.ok) return prevIndex;
  const waitIndex = form.long("waitIndex");
  if (!waitIndex.ok) return waitIndex;
  const flags = new Map<string, boolean>();
  for (const name of FLAGS) {
    const flag = form.flag(name);
    if (!flag.ok) return flag;
    flags.set(name, flag.value);
  }
  const is = (name: (typeof FLAGS)[number]): boolean => flags.get(name) === true;
  if (is("wait") && method !== "GET") return failed(209, '"wait" can only be used with GET requests');
  const prevValue = form.text("prevValue");
  if (form.has("prevValue") && prevValue === "") return failed(201, '"prevValue" cannot be empty');
  const bare = form.flag("noValueOnSuccess");
  if (!bare.ok) return bare;
  const more = readMore(form);
  if (!more.ok) return more;
  return ok({
    method,
    path,
    value: toBytes(form.text("value")),
    isDirectory: is("dir"),
    ...more.value,
    prevValue: toBytes(prevValue),
    prevIndex: prevIndex.value,
    isRecursive: is("recursive"),
    // As in the original, where such a read goes by the order and waits for nothing.
    waits: is("wait") && !is("quorum"),
    waitIndex: Number(waitIndex.value),
    streams: is("stream"),
    isQuorum: is("quorum"),
    isBare: bare.value,
  });
}

/** Those that may be left open. */
function readMore(form: Form): Read<Pick<Wish, "ttl" | "prevExist" | "refresh">> {
  const ttl = form.text("ttl") === "" ? undefined : form.long("ttl", 202);
  if (ttl?.ok === false) return ttl;
  const prevExist = form.flag("prevExist", "prevExist");
  if (!prevExist.ok) return prevExist;
  const refresh = form.flag("refresh", "refresh");
  if (!refresh.ok) return refresh;
  if (refresh.value && form.text("value") !== "") return failed(211, "A value was provided on a refresh");
  if (refresh.value && ttl === undefined) return failed(212, "No TTL value set");
  return ok({
    ttl: ttl === undefined ? null : Number(ttl.value),
    prevExist: form.has("prevExist") ? prevExist.value : undefined,
    refresh: refresh.value,
  });
}
