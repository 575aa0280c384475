/** @live All addresses of this machine. */
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** Whether an address stands for all of them, however it is spelled. */
export function isWildcard(address: string): boolean {
  return isIP(address) !== 0 && /^[0:.]+$/.test(address);
}

/**
 * The addresses of interfaces that are up, as they are bound: those of a link with its name. `::` stands for IPv4, too.
 * Throws where the system does not tell.
 */
export function addressesOf(wildcard: string): Set<string> {
  const addresses = new Set<string>();
  for (const [name, each] of Object.entries(networkInterfaces()))
    for (const { address, family, scopeid } of each ?? []) {
      if (family === "IPv4") addresses.add(address);
      else if (wildcard.includes(":")) addresses.add(scopeid ? `${address}%${name}` : address);
    }
  return addresses;
}
