/**
 * Messages of protocol buffers as JSON, by their descriptors and straight from their bytes: an answer may be of many
 * megabytes, which the runtime's own way through objects takes seconds for. Lists of numbers, maps and fractions are in none.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { scanFields, toLong } from "../../../../net/grpc/protobuf.ts";
import { encodeGoJson } from "../../../../net/routes/json.ts";

const UNSIGNED: ReadonlySet<ScalarType> = new Set([ScalarType.UINT64, ScalarType.UINT32]);
const LONG: ReadonlySet<ScalarType> = new Set([ScalarType.INT64, ScalarType.UINT64]);

/** By descriptor and number. */
const fields = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsOf(message: DescMessage): ReadonlyMap<number, DescField> {
  let found = fields.get(message);
  if (found === undefined) {
    found = new Map(message.fields.map((field) => [field.number, field]));
    fields.set(message, found);
  }
  return found;
}

/** The message that lies in the buffer from one place to another. What is 0 or empty is left out. */
export function messageText(message: DescMessage, buffer: Buffer, from: number, to: number): string {
  let text = "";
  for (const piece of messagePieces(message, buffer, from, to)) text += piece;
  return text;
}

/** The same in pieces, of which each holds a member, or one entry of a list. */
export function* messagePieces(message: DescMessage, buffer: Buffer, from: number, to: number): Iterable<string> {
  const known = fieldsOf(message);
  const found = new Map<DescField, number[]>();
  scanFields(buffer, from, to, (number, value, start, end) => {
    const field = known.get(number);
    if (field === undefined) return;
    const places = found.get(field);
    // An entry of a list, or what replaces what was said of the field before.
    if (places === undefined || field.fieldKind !== "list") found.set(field, [value ?? -1, start, end]);
    else places.push(value ?? -1, start, end);
  });
  let separator = "{";
  for (const field of message.fields) {
    const places = found.get(field) ?? [];
    const isList = field.fieldKind === "list";
    let close = "";
    for (let at = 0; at < places.length; at += 3) {
      const [value, start, end] = [places[at] as number, places[at + 1] as number, places[at + 2] as number];
      const text = valueText(field, buffer, value, start, end);
      if (text === undefined) continue;
      const name = at === 0 ? `"${field.name}":${isList ? "[" : ""}` : "";
      yield `${separator}${name}${text}`;
      separator = ",";
      close = isList ? "]" : "";
    }
    if (close !== "") yield close;
  }
  yield separator === "{" ? "{}" : "}";
}

/** Undefined for a value that is left out. `value`: the first 53 bits of a number. */
function valueText(field: DescField, buffer: Buffer, value: number, start: number, end: number): string | undefined {
  const isKept = field.fieldKind === "list" || field.oneof !== undefined;
  if (field.message !== undefined) return messageText(field.message, buffer, start, end);
  if (field.enum !== undefined) {
    if (value === 0 && !isKept) return undefined;
    const name = field.enum.value[value]?.name;
    return name === undefined ? String(value) : `"${name}"`;
  }
  const scalar = field.scalar;
  if (scalar === ScalarType.BYTES || scalar === ScalarType.STRING) {
    if (start === end && !isKept) return undefined;
    if (scalar === ScalarType.BYTES) return `"${buffer.toString("base64", start, end)}"`;
    return encodeGoJson(buffer.toString("utf8", start, end));
  }
  if (value === 0 && !isKept) return undefined;
  if (scalar === ScalarType.BOOL) return String(value !== 0);
  const number = numberText(buffer, value, start, end, scalar !== undefined && UNSIGNED.has(scalar));
  return scalar !== undefined && LONG.has(scalar) ? `"${number}"` : number;
}

function numberText(buffer: Buffer, value: number, start: number, end: number, isUnsigned: boolean): string {
  if (value < Number.MAX_SAFE_INTEGER) return String(value);
  const long = toLong(0, buffer.subarray(start, end));
  return String(isUnsigned ? BigInt.asUintN(64, long) : long);
}
