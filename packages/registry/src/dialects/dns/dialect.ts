/**
 * @live The plug: DNS over UDP and TCP, on one port of its own.
 *
 * @rooms dialect > transfer > update > server > names > static > desk > zone > signing > settings > labels > refusals > wire
 */
import { randomInt } from "node:crypto";
import { SYSTEM_ACCOUNT } from "../../core/index.ts";
import { isWildcard } from "../../net/hosts/wildcard.ts";
import {
  type Dialect,
  type House,
  type Mounted,
  type NameSource,
  type Reloaded,
  SettingsRefused,
} from "../contract.ts";
import type { Desk } from "./desk.ts";
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
import { openStatic, READ_OUTCOMES, type StaticFiles } from "./static/files.ts";
import { SETTLE } from "./static/settling.ts";
import { Transfers } from "./transfer/handler.ts";
import { Notifier } from "./transfer/notify.ts";
import { Updates } from "./update/handler.ts";
import { planUpdates } from "./update/plan.ts";
import { toChance } from "./wire/answer.ts";
import { LabelIndex } from "./zone/label-index.ts";
import { OpenZones } from "./zone/open-zones.ts";
import { otherShape, rememberShape } from "./zone/shape.ts";
import { toGround, toWorld } from "./zone/world.ts";

const NAME = "dns";

/** DNS: instances by name, zones for secondaries, registration by UPDATE and zone files. */
export const dialect: Dialect = { needs: "any", plans: (names) => [SETTLE, planUpdates(names)], open };

async function open(house: House): Promise<Mounted> {
  const { metrics } = house;
  const names = await house.names();
  const plant: Plant = {
    house,
    names,
    answered: metrics.tally(NAME, "answers", "Answers given, by their code.", "rcode", RCODE_NAMES),
    dropped: metrics.tally(NAME, "dropped", "Packets without an answer.", "reason", DROP_REASONS),
    read: metrics.tally(NAME, "zone_files", "Zone files read, by outcome.", "outcome", READ_OUTCOMES),
  };
  const settings = checkSettings(house.settings, plant);
  const parts = await openParts(settings, plant);
  // No answer before all zones are there: a client then asks again, but it would believe NXDOMAIN.
  const listening: Listening = { door: undefined };
  try {
    await listen(house, settings, listening);
    await parts.begin();
  } catch (error) {
    await parts.close();
    throw error;
  }
  listening.door = parts.door;
  return new Open(plant, { settings, parts, listening });
}

/** What lasts longer than settings. */
interface Plant {
  readonly house: House;
  readonly names: readonly NameSource[];
  readonly answered: Float64Array;
  readonly dropped: Float64Array;
  readonly read: Float64Array;
}

/** Throws `SettingsRefused`. */
function checkSettings(raw: House["settings"], { house, names }: Plant): Settings {
  const secrets = openSecrets();
  const { notes } = house;
  const settings = readSettings(raw, { directory: house.directory, names, notes, readSecret: secrets.read });
  if (!settings.ok) throw new SettingsRefused(settings.detail);
  for (const [file, mode] of secrets.exposed)
    house.log.warn({ file, mode }, "others may read the secret in this file; chmod 600 keeps it");
  return settings.value;
}

/** All that answers by one set of settings. */
interface Parts {
  readonly door: FrontDoor;
  /** Reads the zone files, keeps their instances in the catalog, and tells secondaries. */
  begin(before?: StaticFiles): Promise<void>;
  /** Lets go of what two may not hold at once; `begin` takes it up again. */
  pause(): Promise<StaticFiles | undefined>;
  close(): Promise<void>;
}

async function openParts(settings: Settings, plant: Plant): Promise<Parts> {
  const { house, names } = plant;
  const { registry, nodes, access, clock, log } = house;
  const node = house.status.name;
  const closers: (() => Promise<void> | void)[] = [];
  const keep = <T extends { close(): Promise<void> | void }>(part: T): T => {
    closers.push(() => part.close());
    return part;
  };
  const zones = keep(new OpenZones({ registry, access, settings, names, log }));
  const index = keep(new LabelIndex(registry, clock, settings));
  const addresses = addressesOf(settings, house.doors.host);
  const options = { settings, index, zones, addresses };
  const desk: Desk = {
    registry,
    nodes,
    node,
    access,
    clock,
    log,
    settings,
    zones,
    read: (use) => registry.read((view) => use(toWorld(view, options))),
    ground: () => registry.read((view) => toGround(view, options)),
    tellFiles(hashes) {
      const files = Array.from(hashes, ([origin, hash]) => [`zone file ${origin}`, hash]);
      house.mustAgree({ ...agreedAddresses(settings, addresses), ...Object.fromEntries(files) });
    },
    otherShape: () => registry.read((view) => otherShape(view, settings, addresses, node)),
  };
  const door = openDoor(desk, index, plant, keep, closers);
  let files: StaticFiles | undefined;
  let notifier: Notifier | undefined;
  const pause = async (): Promise<StaticFiles | undefined> => {
    await notifier?.close();
    await files?.close();
    return files;
  };
  return {
    door,
    pause,
    async begin(before) {
      const shape = registry.read((view) => rememberShape(view, settings, addresses));
      const kept = shape && (await registry.propose(SYSTEM_ACCOUNT, shape));
      if (kept?.ok === false) log.warn(`zones may have other settings under an old serial: ${kept.detail}`);
      files = await openStatic(desk, plant.read, before);
      if (settings.notify.length > 0) notifier = new Notifier(desk, house.doors.host);
    },
    async close() {
      await pause();
      for (const one of closers.splice(0).reverse()) await one();
    },
  };
}

function openDoor(
  desk: Desk,
  index: LabelIndex,
  { house, names, answered, dropped }: Plant,
  keep: <T extends { close(): Promise<void> | void }>(part: T) => T,
  closers: (() => void)[],
): FrontDoor {
  const { access, clock, settings, zones, log, registry } = desk;
  const cache = new AnswerCache(registry);
  closers.push(
    zones.onChange(() => cache.clear()),
    index.onChange(() => cache.clear()),
  );
  const standings = new Standings({ settings, access, clock, host: house.doors.host });
  closers.push(access.onChange(() => standings.forget()));
  const transfers = keep(new Transfers(desk));
  const updates = new Updates(desk, planUpdates(names));
  const handlers = {
    keys: openKeys(settings, clock),
    forward: keep(new Forward(settings, log)),
    transfer: transfers.serve.bind(transfers),
    update: updates.handle.bind(updates),
  };
  return new FrontDoor({
    answerer: new Answerer(desk, handlers, toChance(randomInt(2 ** 32))),
    cache,
    standings,
    requests: house.requests,
    read: desk.read,
    looked: house.looked,
    nowMs: () => clock.monotonic(),
    answered,
    dropped,
    failed: (error) => log.error({ err: error }, "an answer failed"),
  });
}

/** What answers now; nothing before all zones are there. */
interface Listening {
  door: FrontDoor | undefined;
}

interface State {
  settings: Settings;
  parts: Parts;
  readonly listening: Listening;
}

/** The dialect at work. New settings get parts of their own, which take over from the old ones between two packets. */
class Open implements Mounted {
  readonly #plant: Plant;
  readonly #state: State;

  constructor(plant: Plant, state: State) {
    this.#plant = plant;
    this.#state = state;
  }

  drain(): void {}

  close(): Promise<void> {
    return this.#state.parts.close();
  }

  async reload(raw: House["settings"]): Promise<Reloaded> {
    const state = this.#state;
    const settings = checkSettings(raw, this.#plant);
    const fixed = (["tcpConnectionsMax", "tcpIdleMs"] as const).filter((key) => settings[key] !== state.settings[key]);
    const parts = await openParts(settings, this.#plant);
    const old = state.parts;
    const files = await old.pause();
    try {
      await parts.begin(files);
    } catch (error) {
      await parts.close();
      await old.begin(files);
      throw error;
    }
    state.listening.door = parts.door;
    state.parts = parts;
    state.settings = settings;
    await old.close();
    return { taken: ["settings", "secrets", "zone files"], restart: fixed };
  }
}

async function listen({ doors, log }: House, settings: Settings, listening: Listening): Promise<void> {
  const failed = (error: unknown): void => log.error({ err: error }, "an answer failed");
  await doors.tcpAndUdp(
    NAME,
    (socket, line) => {
      const { door } = listening;
      if (door === undefined) {
        socket.destroy();
        return undefined;
      }
      const { remoteAddress = "", remotePort = 0 } = socket;
      return serveStream(socket, {
        messageMs: settings.tcpIdleMs,
        answer: (packet) => (listening.door ?? door).answer(packet, remoteAddress, remotePort),
        line,
        failed,
      });
    },
    (packet, from, socket) => listening.door?.take(packet, from, socket),
    {
      connectionsMax: settings.tcpConnectionsMax,
      // No client can take all connections.
      connectionsPerAddressMax: Math.ceil(settings.tcpConnectionsMax / 4),
      idleTimeoutMs: settings.tcpIdleMs,
    },
  );
}

/** Nodes on different hosts have different addresses unless told otherwise, which matters to whom zones are transferred. */
function agreedAddresses(settings: Settings, addresses: readonly string[]): Readonly<Record<string, unknown>> {
  const { allowTransfer, keys, notify } = settings;
  const isTransferred = !allowTransfer.isEmpty || keys.length > 0 || notify.length > 0;
  return isTransferred ? { "dns.addresses": addresses } : {};
}

/** The addresses of `ns` names. A server that listens on a wildcard has none that it knows. */
function addressesOf(settings: Settings, host: string): readonly string[] {
  if (settings.addresses.length > 0) return settings.addresses;
  const address = host === "localhost" ? "127.0.0.1" : host;
  return isWildcard(address) ? [] : [address];
}
