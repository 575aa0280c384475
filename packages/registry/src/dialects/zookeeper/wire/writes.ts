/** Requests that change something, alone or within a multi. They are plain data. */
import type { Bytes } from "../../../core/index.ts";
import { type Acl, readAcls } from "./acl.ts";
import { OPS } from "./codes.ts";
import type { Reader } from "./jute.ts";

interface On {
  /** The number of the request, by which it is answered. */
  readonly type: number;
  readonly path: Bytes;
}

export type Write =
  | (On & {
      readonly op: "create";
      readonly data: Bytes | null;
      readonly acl: readonly Acl[] | null;
      readonly flags: number;
      /** In ms; -1 where none is said. */
      readonly ttlMs: number;
    })
  | (On & { readonly op: "delete"; readonly version: number })
  | (On & { readonly op: "deleteContainer" })
  | (On & { readonly op: "setData"; readonly data: Bytes | null; readonly version: number })
  | (On & { readonly op: "setACL"; readonly acl: readonly Acl[] | null; readonly version: number })
  | (On & { readonly op: "check"; readonly version: number });

/** What a request of this number says; undefined for one that is no write, or whose bytes are not what they should be. */
export function readWrite(type: number, reader: Reader): Write | undefined {
  const write = readBody(type, reader);
  return reader.isBad ? undefined : write;
}

function readBody(type: number, reader: Reader): Write | undefined {
  // A node's path is told without its length here, as containers are removed by the original itself.
  if (type === OPS.deleteContainer) return { op: "deleteContainer", type, path: reader.rest() };
  const path = reader.bytes();
  if (path === null) return undefined;
  switch (type) {
    case OPS.create:
    case OPS.create2:
    case OPS.createContainer:
    case OPS.createTTL: {
      const [data, acl, flags] = [reader.bytes(), readAcls(reader), reader.int()];
      const ttlMs = type === OPS.createTTL ? Number(reader.long()) : -1;
      return { op: "create", type, path, data, acl, flags, ttlMs };
    }
    case OPS.delete:
      return { op: "delete", type, path, version: reader.int() };
    case OPS.setData:
      return { op: "setData", type, path, data: reader.bytes(), version: reader.int() };
    case OPS.setACL:
      return { op: "setACL", type, path, acl: readAcls(reader), version: reader.int() };
    case OPS.check:
      return { op: "check", type, path, version: reader.int() };
    default:
      return undefined;
  }
}

/** Steps of one transaction. */
export const MULTI_OPS_MAX = 10_000;
/** Type, end or not, error. */
const HEADER_BYTES = 9;
const IN_MULTI: ReadonlySet<number> = new Set([
  OPS.create,
  OPS.create2,
  OPS.createContainer,
  OPS.createTTL,
  OPS.delete,
  OPS.setData,
  OPS.check,
]);

/** Undefined when it is none, or has a step that may not be in one. */
export function readMulti(reader: Reader): readonly Write[] | undefined {
  return readSteps(reader, (type) => (IN_MULTI.has(type) ? readWrite(type, reader) : undefined));
}

/** The steps of a multi up to its end, each behind a header. */
export function readSteps<T>(reader: Reader, read: (type: number) => T | undefined): readonly T[] | undefined {
  const steps: T[] = [];
  while (reader.left >= HEADER_BYTES) {
    const [type, isEnd] = [reader.int(), reader.bool()];
    reader.int();
    if (isEnd) return steps;
    const step = steps.length < MULTI_OPS_MAX ? read(type) : undefined;
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return undefined;
}
