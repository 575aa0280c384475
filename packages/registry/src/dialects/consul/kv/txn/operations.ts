/** The operations of a transaction, as its body has them. */
import { fromBuffer, isReserved, type Outcome, ok, toBytes } from "../../../../core/index.ts";
import type { Answer } from "../../../../net/routes/answer.ts";
import type { Json } from "../../../../net/routes/json.ts";
import type { StoredNode } from "../../catalog/nodes.ts";
import { type GivenCheck, readGiven } from "../../catalog/registration/given.ts";
import { readService, type WishedService } from "../../catalog/wished.ts";
import { text } from "../../wire/answer.ts";
import { Fields } from "../../wire/fields.ts";
import type { Operation as KeyOperation, Verb } from "../verbs.ts";

const OPERATIONS_MAX = 128;
const VALUE_BYTES_MAX = 512 * 1024;

/** One operation, as plain data. `index`: what `cas` and `delete-cas` compare with. */
export type Operation =
  | { readonly on: "KV"; readonly kv: KeyOperation }
  | {
      readonly on: "Node";
      readonly verb: string;
      readonly index: number;
      readonly node: Omit<StoredNode, "checks">;
    }
  | {
      readonly on: "Service";
      readonly verb: string;
      readonly index: number;
      readonly node: string;
      readonly service: WishedService;
    }
  | {
      readonly on: "Check";
      readonly verb: string;
      readonly index: number;
      readonly node: string;
      readonly check: GivenCheck;
    };

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

/** The first of these that it says counts, as in the original; one that says nothing is passed over. */
function readOperation(item: Json): Outcome<Operation | undefined, Faulty> {
  const fields = Fields.of(item);
  if (!fields.ok) return fault(400, "Failed to parse body: an operation must be an object");
  const kv = fields.value.object("KV");
  const [node, service, check] = ["Node", "Service", "Check"].map((name) => fields.value.object(name));
  const isKnown = [kv, node, service, check].some((one) => one !== undefined);
  if (!isKnown && !fields.value.isEmpty)
    return fault(400, "Failed to parse body: an operation is on KV, Node, Service or Check");
  const read = kv !== undefined ? readKey(kv) : ok(readOther(node, service, check));
  const { wrong } = fields.value;
  if (wrong !== undefined) return fault(400, wrong.detail.replace("Request decode failed", "Failed to parse body"));
  return read;
}

function readKey(kv: Fields): Outcome<Operation, Faulty> {
  const value = fromBase64(kv.text("Value"));
  const key = toBytes(kv.text("Key"));
  const name = JSON.stringify(key.slice(0, 200));
  const operation: KeyOperation = {
    verb: kv.text("Verb") as Verb,
    key,
    value: value ?? "",
    flags: kv.uint64("Flags"),
    index: Number(kv.uint64("Index")),
    session: kv.text("Session"),
  };
  if (value === undefined) return fault(400, "Failed to parse body: failed to decode value: illegal base64 data");
  if (value.length > VALUE_BYTES_MAX)
    return fault(413, `Value for key ${name} is too large (${value.length} > ${VALUE_BYTES_MAX} bytes)`);
  return isReserved(key) ? fault(400, "Invalid key name") : ok({ on: "KV", kv: operation });
}

function readOther(
  node: Fields | undefined,
  service: Fields | undefined,
  check: Fields | undefined,
): Operation | undefined {
  if (node !== undefined) {
    const said = node.object("Node");
    return {
      on: "Node",
      verb: node.text("Verb"),
      index: Number(said?.uint64("ModifyIndex") ?? 0),
      node: {
        name: said?.text("Node") ?? "",
        id: said?.text("ID") ?? "",
        address: said?.text("Address") ?? "",
        taggedAddresses: said?.pairs("TaggedAddresses") ?? {},
        meta: said?.pairs("Meta") ?? {},
      },
    };
  }
  if (service !== undefined) {
    const said = service.object("Service") ?? Fields.none();
    const index = Number(said.uint64("ModifyIndex"));
    const wished = { ...readService(said), id: said.text("ID") || said.text("Service") };
    return { on: "Service", verb: service.text("Verb"), index, node: service.text("Node"), service: wished };
  }
  if (check === undefined) return undefined;
  const said = check.object("Check") ?? Fields.none();
  const index = Number(said.uint64("ModifyIndex"));
  return { on: "Check", verb: check.text("Verb"), index, node: said.text("Node"), check: readGiven(said, undefined) };
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Undefined for what is none. */
function fromBase64(given: string): string | undefined {
  if (given.length % 4 !== 0 || !BASE64.test(given)) return undefined;
  return fromBuffer(Buffer.from(given, "base64"));
}
