/** What clients announce, decoded into the original's structures by the rules of Go. */
import { type Bytes, type Outcome, ok, refuse } from "../../../core/index.ts";
import { scanJson, type Value } from "./json.ts";

/** The fields of a service that a client may give. */
export interface Announced {
  readonly Name: string;
  readonly Version: string;
  readonly Environment: string;
  readonly Region: string;
  readonly Host: string;
  readonly Port: number;
  /** Seconds. */
  readonly TTL: number;
  readonly NoExpire: boolean;
}

/** Which services' end is to be told, and where. */
export interface Wanted {
  readonly Name: string;
  readonly Version: string;
  readonly Environment: string;
  readonly Region: string;
  readonly Host: string;
  readonly Reply: string;
  readonly Port: number;
}

type FieldType = "string" | "uint16" | "uint32" | "bool" | "time";

const SERVICE: Readonly<Record<string, FieldType>> = {
  UUID: "string",
  Name: "string",
  Version: "string",
  Environment: "string",
  Region: "string",
  Host: "string",
  Port: "uint16",
  TTL: "uint32",
  Expires: "time",
  NoExpire: "bool",
};

const CALLBACK: Readonly<Record<string, FieldType>> = {
  UUID: "string",
  Name: "string",
  Version: "string",
  Environment: "string",
  Region: "string",
  Host: "string",
  Reply: "string",
  Port: "uint16",
};

const NO_SERVICE: Announced = {
  Name: "",
  Version: "",
  Environment: "",
  Region: "",
  Host: "",
  Port: 0,
  TTL: 0,
  NoExpire: false,
};
const NO_CALLBACK: Wanted = { Name: "", Version: "", Environment: "", Region: "", Host: "", Reply: "", Port: 0 };

/** Fields left out are zero; unknown ones are passed over. */
export function decodeService(bytes: Bytes): Outcome<Announced> {
  const fields = decodeFields(bytes, "Service", SERVICE);
  return fields.ok ? ok({ ...NO_SERVICE, ...fields.value }) : fields;
}

export function decodeCallback(bytes: Bytes): Outcome<Wanted> {
  const fields = decodeFields(bytes, "Callback", CALLBACK);
  return fields.ok ? ok({ ...NO_CALLBACK, ...fields.value }) : fields;
}

type Fields = Record<string, string | number | boolean>;

function decodeFields(
  bytes: Bytes,
  type: string,
  known: Readonly<Record<string, FieldType>>,
): Outcome<Readonly<Fields>> {
  const scanned = scanJson(bytes);
  if (!scanned.ok) return scanned;
  const { value } = scanned;
  if (value.kind === "null") return ok({});
  if (value.kind !== "object") {
    return refuse("invalid", `json: cannot unmarshal ${value.kind} into Go value of type msg.${type}`);
  }
  const fields: Fields = {};
  let error: string | undefined;
  for (const [name, member] of value.members) {
    const field = fieldOf(known, name);
    if (field === undefined || member.kind === "null") continue;
    const kind = known[field] as FieldType;
    if (kind === "time") {
      // What the client believes of its end is not kept, but must be a time. Go stops at this one.
      const wrong = refuseTime(member);
      if (wrong !== undefined) return refuse("invalid", wrong);
      continue;
    }
    const read = readField(member, kind);
    // Go reads on and reports the first one.
    if (read === undefined)
      error ??= `json: cannot unmarshal ${show(member, kind)} into Go struct field ${type}.${field} of type ${kind}`;
    else fields[field] = read;
  }
  return error === undefined ? ok(fields) : refuse("invalid", error);
}

/** Names match in any case; the exact one is preferred. */
function fieldOf(known: Readonly<Record<string, FieldType>>, name: string): string | undefined {
  if (Object.hasOwn(known, name)) return name;
  const lower = name.toLowerCase();
  for (const field in known) if (field.toLowerCase() === lower) return field;
  return undefined;
}

const BITS: Readonly<Record<string, number>> = { uint16: 0xffff, uint32: 0xffffffff };

function readField(value: Value, type: FieldType): string | number | boolean | undefined {
  if (type === "string") return value.kind === "string" ? value.text : undefined;
  if (type === "bool") return value.kind === "bool" ? value.value : undefined;
  if (value.kind !== "number" || !/^[0-9]{1,15}$/.test(value.literal)) return undefined;
  const number = Number(value.literal);
  return number <= (BITS[type] as number) ? number : undefined;
}

const SHOWN_MAX = 100;

/** A number is shown as it was written, where a number was wanted. */
function show(value: Value, wanted: FieldType): string {
  if (value.kind !== "number" || wanted === "string" || wanted === "bool") return value.kind;
  return `number ${value.literal.slice(0, SHOWN_MAX)}`;
}

const LAYOUT = '"2006-01-02T15:04:05Z07:00"';
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function refuseTime(value: Value): string | undefined {
  if (value.kind !== "string") return "Time.UnmarshalJSON: input is not a JSON string";
  if (RFC_3339.test(value.text)) return undefined;
  const text = JSON.stringify(value.text.slice(0, SHOWN_MAX));
  return `parsing time ${text} as ${LAYOUT}: cannot parse ${text} as "2006"`;
}
