/** A record as the runtime writes it. */
import { type KeyRecord, toBuffer } from "../../../../core/index.ts";
import { toLong } from "../../wire/lease-id.ts";

export function toKeyValue({ key, value, createRevision, modRevision, version, lease }: KeyRecord) {
  return {
    key: toBuffer(key),
    value: toBuffer(value),
    createRevision: BigInt(createRevision),
    modRevision: BigInt(modRevision),
    version: BigInt(version),
    lease: lease === null ? 0n : toLong(lease),
  };
}
