/** @live A list of peers that all servers of a cluster share names each of them, too: a server leaves itself out. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";

const LOOKUP_MS_MAX = 2000;

/** Whether a service URL leads here: to this port of an address of this machine. */
export async function isSelf(
  url: string,
  listener: { readonly host: string; readonly port: number },
): Promise<boolean> {
  const { hostname: name, port, protocol } = new URL(url);
  if (Number(port === "" ? (protocol === "https:" ? 443 : 80) : port) !== listener.port) return false;
  const host = name.replace(/^\[|\]$/g, "").toLowerCase();
  const own = ownAddresses(listener.host);
  if (host === "localhost" || host === hostname().toLowerCase() || own(host)) return true;
  if (isIP(host) !== 0) return false;
  return (await addressesOf(host)).some(own);
}

/** Addresses at which a listener on this host is reached. */
function ownAddresses(listenerHost: string): (address: string) => boolean {
  const bound = listenerHost.replace(/^\[|\]$/g, "");
  const interfaces = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
  const known = new Set([...interfaces, "::1", bound]);
  return (address) => known.has(address) || (isIP(address) === 4 && address.startsWith("127."));
}

async function addressesOf(host: string): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), LOOKUP_MS_MAX);
  });
  const found = lookup(host, { all: true }).then(
    (all) => all.map(({ address }) => address),
    () => [],
  );
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}
