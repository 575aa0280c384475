/** The plug: the HTTP API of SkyDNS 1 on a port of its own, and what its names mean in DNS. */
import type { Dialect, House, Mounted } from "../contract.ts";
import { SKYDNS_NAMES } from "./names/source.ts";
import { Server } from "./server.ts";
import { readSettings } from "./settings.ts";

const NAME = "skydns";
const PORT = 8080;

/** SkyDNS 1: services announced over HTTP, found in DNS. */
export function createSkydnsDialect(): Dialect {
  return {
    name: NAME,
    // "Exactly one of many PUTs wins" needs one order of all commits.
    needs: "total",
    ports: [{ name: NAME, port: PORT }],
    names: SKYDNS_NAMES,
    open,
  };
}

async function open(house: House): Promise<Mounted> {
  const settings = readSettings(house.settings);
  const listener = await house.doors.http(NAME);
  const server = new Server(house, settings);
  listener.mount("/", NAME, (request, response, path, query) => server.serve(request, response, path, query));
  return { drain: () => {}, close: () => server.close() };
}
