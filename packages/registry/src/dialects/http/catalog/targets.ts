/** Instances as target groups of Prometheus' HTTP service discovery. */
import { type InstanceRecord, statusOf } from "../../../core/index.ts";
import { toAddr } from "../../../native/catalog/endpoints.ts";

export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const PREFIX = "__meta_rollcall_";

/** What may not be in the name of a label becomes "_", as Prometheus itself does with names from other systems. */
function toLabel(name: string): string {
  return name.replace(/[^A-Za-z0-9_]/g, "_");
}

/**
 * One group for each instance, as their labels differ. Tags stand between commas, so that `.*,tag,.*` finds one. An
 * instance without an address cannot be scraped, and has no group.
 */
export function toTargetGroup(record: InstanceRecord): TargetGroup | undefined {
  if (record.address === "") return undefined;
  const labels: Record<string, string> = {
    [`${PREFIX}service`]: record.service,
    [`${PREFIX}id`]: record.id,
    [`${PREFIX}address`]: record.address,
    [`${PREFIX}protocol`]: record.protocol,
    [`${PREFIX}version`]: record.version,
    [`${PREFIX}zone`]: record.zone,
    [`${PREFIX}status`]: statusOf(record),
    [`${PREFIX}held`]: String(record.held !== null),
    [`${PREFIX}via`]: record.via,
    [`${PREFIX}tags`]: record.tags.length === 0 ? "" : `,${record.tags.join(",")},`,
  };
  for (const key in record.meta) labels[`${PREFIX}meta_${toLabel(key)}`] = record.meta[key] as string;
  for (const name in record.ports) labels[`${PREFIX}port_${toLabel(name)}`] = String(record.ports[name]);
  return { targets: [toTarget(record)], labels };
}

/** A target is what a URL may have between its slashes: an IPv6 address stands in brackets, also without a port. */
function toTarget(record: InstanceRecord): string {
  const addr = toAddr(record);
  return addr === record.address && addr.includes(":") && !addr.startsWith("[") ? `[${addr}]` : addr;
}
