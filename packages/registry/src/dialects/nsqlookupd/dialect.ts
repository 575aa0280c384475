/**
 * @live The plug: nsqlookupd's two ports, TCP for nsqd and HTTP for those who look up.
 *
 * @rooms dialect > server > routes > http > tcp > changes > refusals > desk > kept > settings > producers > wire
 */
import { hostname } from "node:os";
import type { Dialect, House, Mounted } from "../contract.ts";
import { PLANS } from "./changes.ts";
import { VERSION } from "./http/lookups.ts";
import { Kept } from "./kept.ts";
import { Server } from "./server.ts";
import { readSettings } from "./settings.ts";
import { Connections } from "./tcp/connections.ts";

const NAME = "nsqlookupd";
const HTTP = "nsqlookupd-http";

/** nsqd says little, and takes its answers at once. */
const LIMITS = { connectionsMax: 20_000, idleTimeoutMs: 60_000, unsentBytesMax: 64 * 1024 };

/** NSQ: brokers say what topics they carry for as long as they are connected, and consumers look them up. */
export const dialect: Dialect = { needs: "any", plans: PLANS, open };

async function open(house: House): Promise<Mounted> {
  const { registry, access, clock, log, status, doors } = house;
  const settings = readSettings(house.settings);
  const connections = new Connections({
    registry,
    clock,
    log,
    settings,
    isOpen: () => access.open,
    own: status.name,
    hostname: hostname(),
    version: VERSION,
  });
  const heardAtMs = (id: string) => connections.heardAtMs(id);
  const desk = { registry, access, clock, settings, kept: new Kept(), own: status.name, heardAtMs };
  const server = new Server(house, desk);
  const tcp = await doors.tcp(NAME, (socket, line) => connections.serve(socket, line), LIMITS);
  const listener = await doors.http(HTTP);
  listener.mount("/", NAME, (method, path) => server.find(method, path));
  connections.opened({ tcp: tcp.port, http: listener.port });
  return {
    drain: () => connections.close(),
    close: async () => connections.close(),
  };
}
