/** The plug of the native HTTP API. It lives on the native listener and has no port of its own. */
import type { Dialect, House, Mounted } from "../contract.ts";
import { Desk } from "./desk.ts";
import { openRoutes } from "./open/pages.ts";
import { ROUTES } from "./routes.ts";
import { createFind } from "./server/routing.ts";

const NAME = "http";

export const dialect: Dialect = { needs: "any", open };

async function open(house: House): Promise<Mounted> {
  const desk = new Desk(house);
  const find = createFind(desk, ROUTES);
  house.http.mount("/v2/", NAME, find);
  house.http.mount("/sd/", NAME, find);
  for (const [path, answer] of openRoutes(desk)) house.http.mount(path, NAME, answer);
  const forget = house.http.onDrain(() => desk.drain());
  return {
    drain: () => desk.drain(),
    async close() {
      forget();
      desk.drain();
    },
  };
}
