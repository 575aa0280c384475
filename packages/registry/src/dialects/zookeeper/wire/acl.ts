/** Access-control lists, and who somebody is. */
import type { Bytes } from "../../../core/index.ts";
import type { Reader, Writer } from "./jute.ts";

/** A scheme, and an id in its terms. */
export interface Id {
  readonly scheme: Bytes;
  readonly id: Bytes;
}

export interface Acl extends Id {
  readonly perms: number;
}

/** Two texts without a letter. */
const ID_BYTES = 8;
const ACL_BYTES = 4 + ID_BYTES;

export function readAcls(reader: Reader): readonly Acl[] | null {
  return reader.list(ACL_BYTES, () => ({
    perms: reader.int(),
    scheme: reader.bytes() ?? "",
    id: reader.bytes() ?? "",
  }));
}

export function writeAcls(writer: Writer, acls: readonly Acl[]): void {
  writer.int(acls.length);
  for (const { perms, scheme, id } of acls) writer.int(perms).bytes(scheme).bytes(id);
}
