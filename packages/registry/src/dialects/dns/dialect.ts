/**
 * @live The plug: DNS over UDP and TCP, on one port of its own.
 *
 * @rooms dialect > transfer > update > server > names > static > desk > zone > signing > settings > labels > refusals > wire
 */
import { randomInt } from "node:crypto";
import { SYSTEM_ACCOUNT } from "../../core/index.ts";
import { isWildcard } from "../../net/wildcard.ts";
import { type Dialect, type House, type Mounted, type NameSource, SettingsRefused } from "../contract.ts";
import type { Desk } from "./desk.ts";
import { CONSUL_NAMES } from "./names/consul.ts";
import { Answerer } from "./server/answerer.ts";
import { AnswerCache } from "./server/cache.ts";
import { Forward } from "./server/forward.ts";
import { DROP_REASONS, FrontDoor, RCODE_NAMES } from "./server/server.ts";
import { Standings } from "./server/standings.ts";
import { serveStream } from "./server/tcp.ts";
import type { Settings } from "./settings/model.ts";
import { readSettings } from "./settings/reader.ts";
import { openSecrets } from "./settings/secrets.ts";
import { openKeys } from "./signing/keys.ts";
import { openStatic, READ_OUTCOMES } from "./static/files.ts";
import { Transfers } from "./transfer/handler.ts";
import { Notifier } from "./transfer/notify.ts";
import { Updates } from "./update/handler.ts";
import { toChance } from "./wire/answer.ts";
import { LabelIndex } from "./zone/label-index.ts";
import { OpenZones } from "./zone/open-zones.ts";
import { rememberShape } from "./zone/shape.ts";
import { toWorld } from "./zone/world.ts";

const NAME = "dns";

/** DNS: instances by name, zones for secondaries, registration by UPDATE and zone files. */
export const dialect: Dialect = { needs: "any", open };

async function open(house: House): Promise<Mounted> {
  // Consul has no dialect of its own yet: its names and notes are kept here.
  const names = [...(await house.names()), CONSUL_NAMES];
  const notes = [...house.notes, CONSUL_NAMES.dialect];
  const secrets = openSecrets();
  const { directory } = house;
  const settings = readSettings(house.settings, { directory, names, notes, readSecret: secrets.read });
  if (!settings.ok) throw new SettingsRefused(settings.detail);
  for (const [file, mode] of secrets.exposed)
    house.log.warn({ file, mode }, "others may read the secret in this file; chmod 600 keeps it");
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    await openParts(house, settings.value, names, closers);
  } catch (error) {
    await close();
    throw error;
  }
  return { drain: () => {}, close };
}

/** Opens all parts. `closers` gets what closes them. */
async function openParts(
  house: House,
  settings: Settings,
  names: readonly NameSource[],
  closers: (() => Promise<void> | void)[],
): Promise<void> {
  const keep = <T extends { close(): Promise<void> | void }>(part: T): T => {
    closers.push(() => part.close());
    return part;
  };
  const { registry, access, clock, log, metrics } = house;
  const zones = keep(new OpenZones({ registry, access, settings, names, log }));
  const index = keep(new LabelIndex(registry, clock, settings));
  const addresses = addressesOf(settings, house.doors.host);
  const desk: Desk = {
    registry,
    access,
    clock,
    log,
    settings,
    zones,
    read: (use) => registry.read((view) => use(toWorld(view, { settings, index, zones, addresses }))),
  };
  const cache = new AnswerCache(registry);
  closers.push(
    zones.onChange(() => cache.clear()),
    index.onChange(() => cache.clear()),
  );
  const standings = new Standings({ settings, access, clock, host: house.doors.host });
  closers.push(access.onChange(() => standings.forget()));
  const failed = (error: unknown): void => log.error({ err: error }, "an answer failed");
  const transfers = keep(new Transfers(desk));
  const updates = new Updates(desk);
  const handlers = {
    keys: openKeys(settings, clock),
    forward: keep(new Forward(settings)),
    transfer: transfers.serve.bind(transfers),
    update: updates.handle.bind(updates),
  };
  const door = new FrontDoor({
    answerer: new Answerer(desk, handlers, toChance(randomInt(2 ** 32))),
    cache,
    standings,
    answered: metrics.tally(NAME, "answers", "Answers given, by their code.", "rcode", RCODE_NAMES),
    dropped: metrics.tally(NAME, "dropped", "Packets without an answer.", "reason", DROP_REASONS),
    failed,
  });
  const listening = await listen(house, settings, door, failed);
  const shape = registry.read((view) => rememberShape(view, settings, addresses));
  const kept = shape && (await registry.propose(SYSTEM_ACCOUNT, shape));
  if (kept?.ok === false) log.warn(`zones may have other settings under an old serial: ${kept.detail}`);
  const read = metrics.tally(NAME, "zone_files", "Zone files read, by outcome.", "outcome", READ_OUTCOMES);
  keep(await openStatic(desk, read));
  if (settings.notify.length > 0) keep(new Notifier(desk, house.doors.host));
  // No answer before all zones are there: a client then asks again, but it would believe NXDOMAIN.
  listening.isReady = true;
}

async function listen(
  { doors }: House,
  settings: Settings,
  door: FrontDoor,
  failed: (error: unknown) => void,
): Promise<{ isReady: boolean }> {
  const state = { isReady: false };
  await doors.tcpAndUdp(
    NAME,
    (socket, used) => {
      if (!state.isReady) {
        socket.destroy();
        return undefined;
      }
      const { remoteAddress = "", remotePort = 0 } = socket;
      return serveStream(socket, {
        messageMs: settings.tcpIdleMs,
        answer: (packet) => door.answer(packet, remoteAddress, remotePort),
        used,
        failed,
      });
    },
    (packet, from, socket) => {
      if (state.isReady) door.take(packet, from, socket);
    },
    {
      connectionsMax: settings.tcpConnectionsMax,
      // No client can take all connections.
      connectionsPerAddressMax: Math.ceil(settings.tcpConnectionsMax / 4),
      idleTimeoutMs: settings.tcpIdleMs,
    },
  );
  return state;
}

/** The addresses of `ns` names. A server that listens on a wildcard has none that it knows. */
function addressesOf(settings: Settings, host: string): readonly string[] {
  if (settings.addresses.length > 0) return settings.addresses;
  const address = host === "localhost" ? "127.0.0.1" : host;
  return isWildcard(address) ? [] : [address];
}
