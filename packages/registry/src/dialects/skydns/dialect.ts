/**
 * @live The plug: the HTTP API of SkyDNS 1 on a port of its own.
 *
 * @rooms dialect > server > routes > callbacks > services > access > refusals > desk > settings > hosts > names >
 * instances > wire
 */
import { isDeepStrictEqual } from "node:util";
import type { Dialect, House, Mounted } from "../contract.ts";
import { REMOVE, UPDATE } from "./instances.ts";
import { Server } from "./server.ts";
import { readSettings } from "./settings.ts";

const NAME = "skydns";

/** SkyDNS 1: services announced over HTTP, found in DNS. */
export const dialect: Dialect = {
  // "Exactly one of many PUTs wins" holds at each node, where nodes have no common order.
  needs: "any",
  plans: [UPDATE, REMOVE],
  open,
};

async function open(house: House): Promise<Mounted> {
  // Looked at anew by each request and callback.
  const settings = readSettings(house.settings);
  const listener = await house.doors.http(NAME);
  const server = new Server(house, settings);
  listener.mount("/", NAME, (method, path) => server.find(method, path));
  return {
    drain: () => {},
    close: () => server.close(),
    async reload(raw) {
      const before = { ...settings };
      Object.assign(settings, readSettings(raw));
      return { taken: isDeepStrictEqual(before, settings) ? [] : ["settings"], restart: [] };
    },
  };
}
