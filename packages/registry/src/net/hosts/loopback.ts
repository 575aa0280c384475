import { isIPv4 } from "node:net";

/** Whether only this machine reaches the address or host. */
export function isLoopback(host: string): boolean {
  return isIPv4(host) ? host.startsWith("127.") : host === "::1" || host === "localhost";
}
