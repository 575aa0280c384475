/** What an owner's name in an UPDATE means in an account's zone. */
import type { Bytes } from "../../../core/index.ts";
import { fromAddressLabel } from "../labels/address.ts";
import { isProtocol, type Protocol } from "../names/native/discovery.ts";
import type { Name } from "../wire/message.ts";
import { isWithin, lowerLabel } from "../wire/name.ts";

/** Labels are in lower case, except those of instances, which keep their case. */
export type Meaning =
  /** `_svc._proto`: RFC 2782, and the list of RFC 6763 §4. */
  | { readonly kind: "service"; readonly service: Bytes; readonly protocol: Protocol }
  /** `<Instance>._svc._proto`: RFC 6763 §4.1. */
  | { readonly kind: "named"; readonly service: Bytes; readonly protocol: Protocol; readonly id: Bytes }
  /** `<id>.id.<service>`: the own name of an instance, which our SRV records point at. */
  | { readonly kind: "own"; readonly service: Bytes; readonly id: Bytes }
  /** One label: a host that SRV records point at, or a service by its addresses. */
  | { readonly kind: "host"; readonly label: Bytes }
  /** `_services._dns-sd._udp`: RFC 6763 §9. */
  | { readonly kind: "browse" }
  /** A name at which nothing can be registered. */
  | { readonly kind: "other" };

const OTHER: Meaning = { kind: "other" };

/** The name is within the zone. */
export function meaningOf(name: Name, zone: Name): Meaning {
  const labels = name.slice(0, name.length - zone.length);
  const [first = "", second = "", third = ""] = labels.map(lowerLabel);
  switch (labels.length) {
    case 1:
      // `ns` is the server's own name; names of hosts do not begin with an underscore.
      return first.startsWith("_") || first === "ns" || first === "*" ? OTHER : { kind: "host", label: first };
    case 2: {
      const service = serviceLabel(first);
      return service === undefined || !isProtocol(second) ? OTHER : { kind: "service", service, protocol: second };
    }
    case 3: {
      if (second === "id" && !third.startsWith("_")) return { kind: "own", service: third, id: labels[0]! };
      if (!isProtocol(third)) return OTHER;
      if (first === "_services" && second === "_dns-sd") return { kind: "browse" };
      const service = serviceLabel(second);
      const legal = service !== undefined && !first.startsWith("_") && first !== "*";
      return legal ? { kind: "named", service, protocol: third, id: labels[0]! } : OTHER;
    }
    default:
      return OTHER;
  }
}

/** The label of a service, without its underscore. `_dns-sd` has lists; it is not a service. */
function serviceLabel(label: Bytes): Bytes | undefined {
  return label.startsWith("_") && label.length > 1 && label !== "_dns-sd" ? label.slice(1) : undefined;
}

/** The address that a name under `addr` stands for: `0a000001.addr`, `10-0-0-1.addr`, 32 digits for IPv6. */
export function addressOf(name: Name, zone: Name): string | undefined {
  if (!isWithin(name, zone) || name.length !== zone.length + 2 || lowerLabel(name[1]!) !== "addr") return undefined;
  return fromAddressLabel(lowerLabel(name[0]!));
}
