/** Which instances of a chunk have a vip address: made when one is first asked for, and kept while they are the same. */
import type { InstanceRecord } from "../../../core/index.ts";
import { vipAddressOf } from "../instances/info.ts";

/** So many addresses of a comma list count. Real lists have one or two. */
const ADDRESSES_MAX = 64;
/** About what an empty map takes, and each entry. */
const MAP_BYTES = 256;
const ENTRY_BYTES = 96;

/** The vip address that is looked for. */
export interface VipQuery {
  readonly address: string;
  readonly secure: boolean;
}

type ByAddress = ReadonlyMap<string, readonly InstanceRecord[]>;

const NOBODY: readonly InstanceRecord[] = [];

function addressesOf(record: InstanceRecord, secure: boolean): readonly string[] {
  return vipAddressOf(record, secure)?.split(",", ADDRESSES_MAX) ?? [];
}

export class Vips {
  readonly #records: readonly InstanceRecord[];
  #plain: ByAddress | undefined;
  #secure: ByAddress | undefined;
  /** Bytes kept here. */
  bytes = 0;

  constructor(records: readonly InstanceRecord[]) {
    this.#records = records;
  }

  find({ address, secure }: VipQuery): readonly InstanceRecord[] {
    const [only] = this.#records;
    // Most applications are small: a map would take more than all else that is kept of them.
    if (only !== undefined && this.#records.length === 1)
      return addressesOf(only, secure).includes(address) ? this.#records : NOBODY;
    let known = secure ? this.#secure : this.#plain;
    if (known === undefined) {
      known = this.#make(secure);
      if (secure) this.#secure = known;
      else this.#plain = known;
    }
    return known.get(address) ?? NOBODY;
  }

  #make(secure: boolean): ByAddress {
    const made = new Map<string, InstanceRecord[]>();
    this.bytes += MAP_BYTES;
    for (const record of this.#records)
      for (const address of new Set(addressesOf(record, secure))) {
        const records = made.get(address);
        if (records === undefined) made.set(address, [record]);
        else records.push(record);
        this.bytes += records === undefined ? ENTRY_BYTES + address.length : 8;
      }
    return made;
  }
}
