/** Who would notice: the services that are known to call one. */
import { useRead } from "../data/reads.ts";
import { account } from "../data/session.ts";
import { listed } from "../model/numbers.ts";

/** ` orders and web call it.`; empty while it is not known. */
export function useCallers(service: string): string {
  const { data } = useRead(`consumers ${account.value}`, (client) => client.consumers());
  if (data === undefined) return "";
  const names = new Set(data.consumers.filter(({ provider }) => provider === service).map(({ consumer }) => consumer));
  if (names.size === 0) return " Nobody is known to call it.";
  return ` ${listed([...names].sort())} ${names.size === 1 ? "calls" : "call"} it.`;
}
