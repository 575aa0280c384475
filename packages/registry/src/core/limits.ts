/** Legal names, and limits that no configuration can exceed. */
import { type Refused, refuse } from "../outcome.ts";
import type { Account, Instance } from "./types.ts";

export const LIMITS = {
  nameLengthMax: 255,
  idLengthMax: 512,
  addressLengthMax: 255,
  tagsMax: 64,
  tagLengthMax: 255,
  metaEntriesMax: 128,
  metaKeyLengthMax: 255,
  metaValueLengthMax: 8192,
  metaBytesMax: 64 * 1024,
  portsMax: 32,
  checksMax: 32,
  checkOutputLengthMax: 4096,
  keyBytesMax: 4096,
  valueBytesMax: 1024 * 1024,
  /** Of a number in a key's name: those of a number of 64 bits. */
  digitsMax: 20,
  transactionCommandsMax: 1024,
  /** Changes in one commit. */
  changesMax: 200_000,
  /** Of the keys that one commit writes and deletes, as they were and as they are, with their values. */
  commitBytesMax: 32 * 1024 * 1024,
  /** Of what one lease keeps alive, by `sizeOf`: all of it ends in one commit. */
  leaseBytesMax: 32 * 1024 * 1024,
  /** Of all records that one transaction changes, as they were and as they are, by `sizeOf`. */
  transactionBytesMax: 64 * 1024 * 1024,
  /** Of what all ranges of one transaction answer, by `sizeOf`. */
  rangeBytesMax: 4 * 1024 * 1024,
  /** Keys that all ranges of one transaction look at. */
  rangeKeysMax: 200_000,
  /** Of commits that are read at once, by `sizeOf`; the last one may pass it. */
  historyBytesMax: 1024 * 1024,
  ttlMsMin: 1000,
  /** The nine billion seconds of etcd. A lease without time has Infinity. */
  ttlMsMax: 9e12,
} as const;

const ACCOUNT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Service names and instance ids: printable, no slash, no blanks at the ends, no control characters. */
const NAME = /^[^\s/\p{C}](?:[^/\p{C}]*[^\s/\p{C}])?$/u;

export function isLegalAccount(name: Account): boolean {
  return ACCOUNT.test(name);
}

export function isLegalName(name: string, lengthMax: number = LIMITS.nameLengthMax): boolean {
  return name.length > 0 && name.length <= lengthMax && NAME.test(name);
}

/** The first thing wrong with an instance, in words; undefined when all is well. */
export function refuseInstance(instance: Instance): Refused | undefined {
  if (!isLegalName(instance.service))
    return refuse("invalid", `service name must be 1 to ${LIMITS.nameLengthMax} printable characters without "/"`);
  if (!isLegalName(instance.id, LIMITS.idLengthMax))
    return refuse("invalid", `instance id must be 1 to ${LIMITS.idLengthMax} printable characters without "/"`);
  if (instance.address.length > LIMITS.addressLengthMax)
    return refuse("too-large", `address is longer than ${LIMITS.addressLengthMax} characters`);
  if (instance.tags.length > LIMITS.tagsMax) return refuse("too-large", `more than ${LIMITS.tagsMax} tags`);
  for (const tag of instance.tags)
    if (tag.length > LIMITS.tagLengthMax)
      return refuse("too-large", `a tag is longer than ${LIMITS.tagLengthMax} characters`);
  if (instance.checks.length > LIMITS.checksMax) return refuse("too-large", `more than ${LIMITS.checksMax} checks`);
  if (!(instance.weight >= 0 && instance.weight <= 65535)) return refuse("invalid", "weight must be from 0 to 65535");
  return refusePorts(instance) ?? refuseMeta(instance.meta);
}

function refusePorts(instance: Instance): Refused | undefined {
  let count = 0;
  for (const name in instance.ports) {
    const port = instance.ports[name] as number;
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      return refuse("invalid", `port ${name} must be an integer from 0 to 65535`);
    if (++count > LIMITS.portsMax) return refuse("too-large", `more than ${LIMITS.portsMax} ports`);
  }
  return undefined;
}

export function refuseMeta(meta: Readonly<Record<string, string>>): Refused | undefined {
  let count = 0;
  let size = 0;
  for (const key in meta) {
    const value = meta[key] as string;
    if (key.length > LIMITS.metaKeyLengthMax)
      return refuse("too-large", `a meta key is longer than ${LIMITS.metaKeyLengthMax} characters`);
    if (value.length > LIMITS.metaValueLengthMax)
      return refuse("too-large", `meta ${key} is longer than ${LIMITS.metaValueLengthMax} characters`);
    size += key.length + value.length;
    if (++count > LIMITS.metaEntriesMax) return refuse("too-large", `more than ${LIMITS.metaEntriesMax} meta entries`);
  }
  return size > LIMITS.metaBytesMax
    ? refuse("too-large", `meta holds more than ${LIMITS.metaBytesMax} characters`)
    : undefined;
}
