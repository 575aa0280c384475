/**
 * Weights of instances in SRV records. HAProxy takes (w + 255) / 256 of a weight w, so weights up to 255 are shown
 * times 256. If one is greater, all are scaled so that the greatest is shown as 255 times 256. 0 stays 0: no traffic.
 */
import type { InstanceRecord } from "../../../core/index.ts";

const UNIT = 256;
const WEIGHT_MAX = 255;

/** The weight of an instance that says nothing of it, or whose SRV records all have 0: "no choice" (RFC 2782). */
export const WEIGHT_DEFAULT = 100;

/** The factor by which the weights of an answer are multiplied. */
export function toFactor(records: readonly InstanceRecord[]): number {
  let greatest = 0;
  for (const { weight } of records) if (weight > greatest) greatest = weight;
  return greatest <= WEIGHT_MAX ? UNIT : (WEIGHT_MAX * UNIT) / greatest;
}

export function toSrvWeight(weight: number, factor: number): number {
  return weight === 0 ? 0 : Math.max(1, Math.round(weight * factor));
}

/** The instance's weight for a weight in SRV: one of our records, else one without the factor. */
export function fromSrvWeight(weight: number): number {
  return weight % UNIT === 0 ? weight / UNIT : weight;
}
