/** Which instances are at an address. */
import type { Grouping } from "../../../core/index.ts";
import { toCanonical } from "../labels/address.ts";

export const BY_ADDRESS: Grouping = {
  keysOf({ address }) {
    const canonical = toCanonical(address);
    return canonical === undefined ? [] : [canonical];
  },
};
