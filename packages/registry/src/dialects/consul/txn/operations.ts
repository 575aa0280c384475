/** The operations of a transaction, as its body has them. */
import { fromBuffer, isReserved, type Outcome, ok, toBytes } from "../../../core/index.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Json } from "../../../net/routes/json.ts";
import type { Operation, Verb } from "../kv/verbs.ts";
import { text } from "../wire/answer.ts";
import { Fields } from "../wire/fields.ts";

const OPERATIONS_MAX = 128;
const VALUE_BYTES_MAX = 512 * 1024;

type Faulty = { readonly answer: Answer };

function fault(status: number, words: string): Outcome<never, Faulty> {
  return { ok: false, answer: text(status, words) };
}

export function readOperations(body: Json): Outcome<readonly Operation[], Faulty> {
  if (!Array.isArray(body)) return fault(400, "Failed to parse body: the body must be a list of operations");
  if (body.length > OPERATIONS_MAX)
    return fault(413, `Transaction contains too many operations (${body.length} > ${OPERATIONS_MAX})`);
  const operations: Operation[] = [];
  for (const item of body) {
    const operation = readOperation(item as Json);
    if (!operation.ok) return operation;
    if (operation.value !== undefined) operations.push(operation.value);
  }
  return ok(operations);
}

function readOperation(item: Json): Outcome<Operation | undefined, Faulty> {
  const fields = Fields.of(item);
  if (!fields.ok) return fault(400, "Failed to parse body: an operation must be an object");
  const kv = fields.value.object("KV");
  if (kv === undefined && fields.value.isEmpty) return ok(undefined);
  if (kv === undefined) return fault(400, "Failed to parse body: only operations on keys (KV) are known here");
  const given = kv.text("Value");
  const value = fromBase64(given);
  const operation = {
    verb: kv.text("Verb") as Verb,
    key: toBytes(kv.text("Key")),
    value: value ?? "",
    flags: kv.uint64("Flags"),
    index: Number(kv.uint64("Index")),
    session: kv.text("Session"),
  };
  const { wrong } = fields.value;
  if (wrong !== undefined) return fault(400, wrong.detail.replace("Request decode failed", "Failed to parse body"));
  if (value === undefined) return fault(400, "Failed to parse body: failed to decode value: illegal base64 data");
  return refuseOperation(operation) ?? ok(operation);
}

function refuseOperation({ key, value }: Operation): Outcome<never, Faulty> | undefined {
  const name = JSON.stringify(key.slice(0, 200));
  if (value.length > VALUE_BYTES_MAX)
    return fault(413, `Value for key ${name} is too large (${value.length} > ${VALUE_BYTES_MAX} bytes)`);
  return isReserved(key) ? fault(400, "Invalid key name") : undefined;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Undefined for what is none. */
function fromBase64(given: string): string | undefined {
  if (given.length % 4 !== 0 || !BASE64.test(given)) return undefined;
  return fromBuffer(Buffer.from(given, "base64"));
}
