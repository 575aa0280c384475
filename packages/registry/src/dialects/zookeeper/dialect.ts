/**
 * @live The plug: ZooKeeper over TCP, and the commands of its admin server over HTTP, on ports of their own.
 *
 * @rooms dialect > server > words > requests > sweeping > refusals > desk > sessions > watches > nodes > settings > wire
 */
import type { Dialect, House, Mounted } from "../contract.ts";
import type { Desk } from "./desk.ts";
import { WRITE } from "./nodes/plan.ts";
import { SWEEP } from "./nodes/worn.ts";
import { answerCommand } from "./server/admin.ts";
import { Connection } from "./server/connection.ts";
import { Realms } from "./sessions/realm.ts";
import { Sessions } from "./sessions/sessions.ts";
import { readSettings } from "./settings.ts";
import { Sweeping } from "./sweeping.ts";
import type { FactsParts } from "./words/facts.ts";
import { Numbers } from "./words/numbers.ts";
import { findWord } from "./words/words.ts";

const NAME = "zookeeper";
const ADMIN = "zookeeper-admin";

/** ZooKeeper: the keys of the registry as a tree of nodes, with sessions and watches. */
export const dialect: Dialect = {
  // That one of many creates wins, and that versions and zxids mean the same everywhere, needs one order of all commits.
  needs: "total",
  plans: [WRITE, SWEEP],
  open,
};

async function open(house: House): Promise<Mounted> {
  const { registry, access, clock, log, requests, status, nodes, metrics, doors } = house;
  const settings = readSettings(house.settings);
  const realms = new Realms(registry, (delta) => metrics.watchers(NAME, delta));
  const desk: Desk = {
    registry,
    access,
    settings,
    realms,
    sessions: new Sessions(registry, (await house.secret())(), settings),
  };
  const numbers = new Numbers();
  let port = 0;
  const facts: FactsParts = { desk, numbers, version: status.version, port: () => port, directory: house.directory };
  const parts = {
    desk,
    requests,
    numbers,
    wordOf: (word: string, address: string) => findWord(facts, word, address),
    nowMs: () => clock.monotonic(),
    failed: (error: unknown) => log.error({ err: error }, "a request of zookeeper failed"),
  };
  // What is there is read before the first client asks.
  realms.of(settings.account);
  const { connectionsMax, connectionsPerAddressMax } = settings;
  const listener = await doors.tcp(NAME, (socket, line) => new Connection(socket, { ...parts, line }), {
    idleTimeoutMs: 0,
    connectionsMax,
    connectionsPerAddressMax,
  });
  port = listener.port;
  if (settings.admin) {
    const admin = await doors.http(ADMIN);
    admin.mount("/", NAME, (method, path) => answerCommand(facts, method, path));
  }
  const sweeping = new Sweeping({ registry, nodes, log, clock, everyMs: settings.sweepMs });
  const forget = access.onChange(() => realms.review(access));
  return {
    drain: () => {},
    close: async () => {
      forget();
      sweeping.close();
      realms.close();
    },
  };
}
