/**
 * @live The plug: hera's HTTP API, and its gossip with other nodes, on a port of its own.
 *
 * @rooms dialect > server > routes > entries > desk > gossip > settings > refusals > beats > instances > wire
 */
import type { Dialect, House, Mounted } from "../contract.ts";
import { MERGE } from "./instances.ts";
import { Server } from "./server.ts";
import { readSettings } from "./settings.ts";

const NAME = "hera";

/** hera: entries that services update again and again, copied among nodes that know one another by name. */
export const dialect: Dialect = {
  needs: "any",
  plans: [MERGE],
  open,
};

async function open(house: House): Promise<Mounted> {
  const settings = readSettings(house.settings, house.status.name);
  const listener = await house.doors.http(NAME);
  const server = new Server(house, settings);
  listener.mount("/", NAME, (method, path) => server.find(method, path));
  server.join();
  return { drain: () => {}, close: () => server.close() };
}
