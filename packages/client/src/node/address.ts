import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { isIP } from "node:net";

/**
 * The address by which this machine is reached from where the registry is: the one that the kernel would send from.
 * Nothing is sent. Of several nodes, the first that gives one. Throws when there is no way to any of them.
 */
export async function ownAddress(urls: string | readonly string[]): Promise<string> {
  let last: unknown = new TypeError("no url was given");
  for (const url of [urls].flat()) {
    try {
      return await addressTowards(new URL(url));
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

async function addressTowards(url: URL): Promise<string> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const { address, family } = isIP(host) ? { address: host, family: isIP(host) } : await lookup(host);
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  try {
    const failed = once(socket, "error").then(([error]) => Promise.reject(error));
    // Any port but 0: a datagram socket that is connected has an address of its own.
    socket.connect(Number(url.port) || 80, address);
    await Promise.race([once(socket, "connect"), failed]);
    return socket.address().address;
  } finally {
    socket.close();
  }
}
