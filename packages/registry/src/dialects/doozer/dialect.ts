/**
 * @live The plug: Doozer over TCP, on a port of its own.
 *
 * @rooms dialect > server > verbs > requests > refusals > desk > files > settings > wire
 */
import { isIPv6 } from "node:net";
import { isDeepStrictEqual } from "node:util";
import type { Dialect, House, Mounted } from "../contract.ts";
import type { Desk } from "./desk.ts";
import { toNodeId } from "./files/control.ts";
import { Listings } from "./files/listings.ts";
import { Presence } from "./files/presence.ts";
import { WRITE } from "./requests/plans.ts";
import { serveTalk } from "./server.ts";
import { readSettings } from "./settings.ts";

const NAME = "doozer";

/** Doozer: the keys of the registry as a tree of files. */
export const dialect: Dialect = {
  // A file that is set if it has not changed needs one order of all commits.
  needs: "total",
  plans: [WRITE],
  open,
};

async function open(house: House): Promise<Mounted> {
  const { registry, access, clock, log, requests, status, nodes } = house;
  // Looked at anew by each request.
  const settings = readSettings(house.settings);
  const presence = new Presence(nodes, clock);
  const control = {
    cluster: settings.cluster,
    node: toNodeId(status.name),
    hostname: status.name,
    version: status.version,
    address: settings.address ?? "",
    others: () => presence.others(),
  };
  const desk: Desk = { registry, access, settings, control, listings: new Listings() };
  const failed = (error: unknown): void => log.error({ err: error }, "a request of doozer failed");
  const nowMs = (): number => clock.monotonic();
  const { host, port } = await house.doors.tcp(
    NAME,
    (socket, line) => serveTalk(socket, { desk, line, requests, nowMs, failed }),
    { idleTimeoutMs: 0 },
  );
  const listens = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  control.address ||= listens;
  presence.begin(control.node, () => control.address);
  return {
    drain: () => {},
    close: async () => presence.close(),
    async reload(raw) {
      const before = { ...settings };
      Object.assign(settings, readSettings(raw));
      control.cluster = settings.cluster;
      control.address = settings.address ?? listens;
      return { taken: isDeepStrictEqual(before, settings) ? [] : ["settings"], restart: [] };
    },
  };
}
