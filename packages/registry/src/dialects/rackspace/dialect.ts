/**
 * @live The plug: Rackspace Service Registry v1.0 on the native listener.
 * @rooms dialect > server > routes > access > events > sessions > services > values
 *   > desk > accounts > refusals > settings > wire
 */
import { createHmac } from "node:crypto";
import { keepUp } from "../../core/index.ts";
import { whole } from "../../net/http/handler.ts";
import type { Dialect, House, Mounted } from "../contract.ts";
import { Births } from "./accounts/births.ts";
import { Rates } from "./accounts/rates.ts";
import { Tokens } from "./accounts/tokens.ts";
import type { Desk } from "./desk.ts";
import { Server } from "./server.ts";
import { DELETE, UPDATE } from "./services/commands.ts";
import { CREATE_SESSION, UPDATE_SESSION } from "./sessions/leases.ts";
import { readQuotas } from "./settings.ts";
import { toMaker } from "./wire/uuid.ts";

const NAME = "rackspace";

/** Rackspace Service Registry v1.0, with the session era's API beside it. */
export const dialect: Dialect = {
  // "Exactly one of many creates wins" and limits hold at each node, where nodes have no common order.
  needs: "any",
  plans: [UPDATE, DELETE, CREATE_SESSION, UPDATE_SESSION],
  open,
};

async function open(house: House): Promise<Mounted> {
  const { registry, access, tenants, clock, http } = house;
  const quotas = readQuotas(house.settings);
  // Tokens and event ids stay what they are over restarts.
  const secret = await house.secret();
  const tokens = new Tokens(registry, clock, secret);
  const maker = toMaker(createHmac("sha256", secret()).update("events").digest());
  const births = new Births(registry);
  const desk: Desk = { registry, access, tenants, clock, tokens, rates: new Rates(), births, quotas, maker };
  const server = new Server(house, desk);
  const following = keepUp(registry, {}, tokens);
  // Paths are case-insensitive; behind the version the dialect itself sees to it.
  const find = whole((request, reply) => server.serve(request, reply));
  for (const prefix of ["/v1.0", "/V1.0", "/v1.0/", "/V1.0/", "/v2.0/", "/V2.0/"]) http.mount(prefix, NAME, find);
  return {
    drain: () => {},
    close: async () => following.close(),
  };
}
