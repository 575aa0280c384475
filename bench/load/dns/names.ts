/**
 * The names that every DNS server serves in the same way: Rollcall from its registrations, the others from zone files or
 * lines made of the same list. They are short, so that ten SRV records fit into the 512 bytes of a query without EDNS.
 */
export const ZONE = "rollcall";
export const TTL_S = 5;
export const INSTANCES = 10;
/** Rollcall gives an instance this port and weight; 100 of 255 is 25 600 of 65 535 in SRV. */
export const PORT = 8080;
export const WEIGHT = 100;
const SRV_WEIGHT = WEIGHT * 256;

export interface Instance {
  service: string;
  id: string;
  address: string;
  /** The name that SRV records point to. */
  target: string;
}

/** `s007` */
export function toServiceName(number: number): string {
  return `s${String(number).padStart(3, "0")}`;
}

export function toInstance(service: number, number: number): Instance {
  const name = toServiceName(service);
  const address = `10.${(service >> 8) & 255}.${service & 255}.${number + 1}`;
  return { service: name, id: `i${number}`, address, target: `i${number}.id.${name}.${ZONE}` };
}

export function listInstances(service: number): Instance[] {
  return Array.from({ length: INSTANCES }, (_, number) => toInstance(service, number));
}

export function toSrvName(service: string): string {
  return `_${service}._tcp.${ZONE}`;
}

export function toAddressName(service: string): string {
  return `${service}.${ZONE}`;
}

/** What an SRV record says, as zone files write it. */
export function toSrvData(target: string, port = PORT): string {
  return `0 ${SRV_WEIGHT} ${port} ${target}.`;
}

/** A registration of Rollcall's. */
export function toBody(address: string, port = PORT): string {
  return JSON.stringify({ address, port, weight: WEIGHT, ttl: "1h" });
}

export function toPath(service: string, id: string): string {
  return `/v2/default/services/${service}/instances/${id}`;
}
