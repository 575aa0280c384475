/**
 * @live The plug of the native HTTP API. It lives on the native listener and has no port of its own.
 *
 * @rooms dialect > open > server > admin > past > catalog > config > leases > follow > answers > desk > refusals > wire
 */

import { FewReaders } from "../../native/follow/readers.ts";
import { toTtl } from "../../native/wire/numbers.ts";
import { toMark } from "../../net/routes/position.ts";
import type { Dialect, House, Mounted } from "../contract.ts";
import { PATCH } from "./catalog/patching.ts";
import type { Desk } from "./desk.ts";
import { NotedConsumers } from "./follow/consumers.ts";
import { Deliveries } from "./follow/hooks/deliveries.ts";
import { PUT_HOOK } from "./follow/hooks/stored.ts";
import { OpenVisits } from "./follow/lasting.ts";
import { OpenSessions } from "./leases/sessions.ts";
import { openPages } from "./open/pages.ts";
import { closeHistories } from "./past/histories.ts";
import { createServer } from "./server/server.ts";

const NAME = "http";

export const dialect: Dialect = { needs: "any", plans: [PATCH, PUT_HOOK], open };

async function open(house: House): Promise<Mounted> {
  const { registry, nodes, access, clock, metrics, http } = house;
  const lasting = new OpenVisits(access, metrics, house.log);
  const sessions = new OpenSessions(registry, nodes);
  const consumers = new NotedConsumers(registry, clock);
  const mark = toMark(registry.line);
  const desk: Desk = {
    house,
    registry,
    access,
    clock,
    lasting,
    sessions,
    readers: new FewReaders(),
    consumers,
    mark,
    around: { mark, ttlMs: (account, lease) => registry.read((view) => toTtl(view.lease(account, lease)?.ttlMs)) },
  };
  const hooks = new Deliveries(desk);
  const server = createServer(desk);
  http.mount("/v2/", NAME, server);
  http.mount("/sd/", NAME, server);
  for (const [path, page] of openPages(desk)) http.mount(path, NAME, page);
  const forget = http.onDrain(() => lasting.drain());
  return {
    drain: () => lasting.drain(),
    async close() {
      forget();
      await hooks.close();
      lasting.close();
      closeHistories(desk);
      sessions.close();
      await consumers.save();
    },
  };
}
