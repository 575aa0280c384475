/**
 * @live The plug: Netflix Eureka's REST API v2 on a port of its own.
 *
 * @rooms dialect > server > pages > peers > requests > desk > fetch > instances > refusals > settings > routes > wire
 */
import { whole } from "../../net/http/handler.ts";
import type { Dialect, House, Mounted } from "../contract.ts";
import { PLANS } from "./instances/changes.ts";
import { Server } from "./server.ts";
import { readSettings } from "./settings.ts";

const NAME = "eureka";

/** Netflix Eureka: services register, send heartbeats, and are found. */
export const dialect: Dialect = {
  // "An older copy never replaces a newer one" holds at each node, where nodes have no common order.
  needs: "any",
  plans: PLANS,
  open,
};

async function open(house: House): Promise<Mounted> {
  const settings = readSettings(house.settings);
  const listener = await house.doors.http(NAME);
  const server = await Server.open(house, settings, listener);
  listener.mount(
    "/",
    NAME,
    whole((request, reply) => server.serve(request, reply)),
  );
  await server.join();
  return { drain: () => {}, close: () => server.close() };
}
