/**
 * @live The plug: Serf's agent RPC on a port of its own, and the mirror of a real agent.
 *
 * @rooms dialect > server > verbs > commands > mirror > refusals > desk > bus > members > settings > wire
 */
import { isDeepStrictEqual } from "node:util";
import type { Dialect, House, Mounted } from "../contract.ts";
import { Bus } from "./bus/bus.ts";
import type { Desk } from "./desk.ts";
import { Members } from "./members/members.ts";
import { forgetOthers, Mirror } from "./mirror/mirror.ts";
import { serveTalk } from "./server.ts";
import { readSettings } from "./settings.ts";

const NAME = "serf";

/** Serf: the catalog as the members of a cluster, with its events and queries. */
export const dialect: Dialect = { needs: "any", open };

async function open(house: House): Promise<Mounted> {
  const { registry, access, clock, log, requests, nodes, status } = house;
  // Looked at anew by each command.
  const settings = readSettings(house.settings);
  const members = new Members({ registry, reapMs: () => settings.reapMs, nowMs: () => clock.monotonic() });
  const bus = new Bus(nodes, clock, status.name);
  bus.on({
    onEvent: () => {},
    onQuery: () => {},
    onGivenUp: (account, name, prune) => members.giveUp(account, name, prune),
  });
  const desk: Desk = {
    registry,
    access,
    clock,
    log,
    settings,
    members,
    bus,
    node: status.name,
    version: status.version,
  };
  let mirror: Mirror | undefined;
  const mirrorAnew = async (): Promise<void> => {
    await mirror?.close();
    await forgetOthers({ registry, nodes, log }, settings.mirror);
    mirror = settings.mirror && new Mirror({ registry, nodes, bus, log }, settings.mirror);
    mirror?.begin();
  };
  const close = async (): Promise<void> => {
    await mirror?.close();
    bus.close();
    members.close();
  };
  const failed = (error: unknown): void => log.error({ err: error }, "a command of serf failed");
  try {
    await house.doors.tcp(NAME, (socket, line) => serveTalk(socket, { desk, line, requests, failed }), {
      idleTimeoutMs: 0,
    });
  } catch (error) {
    await close();
    throw error;
  }
  await mirrorAnew();
  return {
    drain: () => {},
    close,
    async reload(raw) {
      const before = { ...settings };
      Object.assign(settings, readSettings(raw));
      if (!isDeepStrictEqual(before.mirror, settings.mirror)) await mirrorAnew();
      return { taken: isDeepStrictEqual(before, settings) ? [] : ["settings"], restart: [] };
    },
  };
}
