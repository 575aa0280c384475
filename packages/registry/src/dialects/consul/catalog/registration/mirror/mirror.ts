/**
 * @live Keeps the services of a running Consul as instances here, until it is switched off. The node on duty does it for
 * all. While that Consul is not reached, or lists no service, what was seen last stays.
 */
import type { Logger } from "pino";
import {
  byPlan,
  type InstanceKey,
  type Nodes,
  prefixEnd,
  type Registry,
  type View,
} from "../../../../../core/index.ts";
import { bring, findStale } from "../../../../../mirrors/bring.ts";
import { type Session, Sessions } from "../../../../../mirrors/sessions.ts";
import type { Json } from "../../../../../net/routes/json.ts";
import type { Agent } from "../../../desk.ts";
import type { MirrorSettings } from "../../../settings.ts";
import { NODES, toStored } from "../../nodes.ts";
import { META, standingOn } from "../../place.ts";
import { toSeen } from "./entries.ts";
import { Following } from "./following.ts";
import { idOf, isMirrored, MIRROR, UNMIRROR } from "./plan.ts";

export interface MirrorParts {
  readonly registry: Registry;
  readonly nodes: Nodes;
  readonly log: Logger;
  readonly agent: Agent;
}

/** That many that are gone at once, and more than are left: what was lost is looked for elsewhere first. */
const MANY = 10;
const HOLD_MS = 600_000;

/** What was mirrored before, by other settings, goes. */
export async function forgetOthers(parts: MirrorParts, settings: MirrorSettings | undefined): Promise<void> {
  const { registry, nodes, log } = parts;
  if (!nodes.isOnDuty()) return;
  const stale = findStale(
    registry,
    (account, record) =>
      isMirrored(record) &&
      (settings === undefined || account !== settings.account || record.meta[META.mirror] !== settings.url),
  );
  for (const [account, instances] of stale) {
    const refused = await remove(parts, account, instances);
    if (refused !== undefined) log.warn({ why: refused }, "mirrored services stay");
  }
  const accounts = registry.read((view) => Array.from(view.accounts(), ({ name }) => name));
  for (const account of accounts) await sweepNodes(parts, account);
}

/** Answers why some of them stay. */
async function remove(
  { registry }: Pick<MirrorParts, "registry">,
  account: string,
  instances: readonly InstanceKey[],
): Promise<string | undefined> {
  const refused = await bring(registry, account, instances, (some) =>
    byPlan(UNMIRROR, { instances: [...some], nodes: [] }),
  );
  return refused[0]?.detail;
}

/** Mirrored nodes that nothing stands on go. */
async function sweepNodes({ registry, agent }: MirrorParts, account: string): Promise<void> {
  const empty = registry.read((view) => {
    const there = view.account(account);
    return Array.from(there?.entries(NODES, prefixEnd(NODES)) ?? [])
      .filter((record) => {
        const { name, mirror } = toStored(record);
        return mirror !== undefined && standingOn(there, name, agent.node).next().done === true;
      })
      .map(({ key }) => key);
  });
  await bring(registry, account, empty, (some) => byPlan(UNMIRROR, { instances: [], nodes: [...some] }));
}

export class Mirror {
  readonly #parts: MirrorParts;
  readonly #settings: MirrorSettings;
  readonly #sessions: Sessions;
  #following: Following | undefined;

  constructor(parts: MirrorParts, settings: MirrorSettings) {
    const { nodes, log } = parts;
    this.#parts = parts;
    this.#settings = settings;
    this.#sessions = new Sessions({
      nodes,
      open: (ended) => this.#follow(ended),
      lost: (why) => log.warn({ consul: settings.url, why }, "a Consul is not reached: its services stay as they were"),
    });
  }

  begin(): void {
    this.#sessions.begin();
  }

  async close(): Promise<void> {
    this.#sessions.close();
    await this.#following?.ended();
  }

  #follow(ended: (why: string) => void): Session {
    const state = new Copy(this.#parts, this.#settings, this.#sessions);
    this.#following = new Following(this.#settings, {
      onServices: (names) => state.takeNames(names),
      onService: (name, found) => state.take(name, found),
      onEnd: ended,
    });
    return this.#following;
  }
}

/** What one session saw. Nothing goes before all has been seen once. */
class Copy {
  readonly #parts: MirrorParts;
  readonly #settings: MirrorSettings;
  readonly #sessions: Sessions;
  readonly #beginMs = performance.now();
  /** Ids of instances by the service that was seen. */
  readonly #seen = new Map<string, ReadonlySet<string>>();
  /** Services that there are, and those of them that were not seen yet. */
  #names: ReadonlySet<string> = new Set();
  readonly #unseen = new Set<string>();
  #isWhole = false;
  #isTold = false;

  constructor(parts: MirrorParts, settings: MirrorSettings, sessions: Sessions) {
    this.#parts = parts;
    this.#settings = settings;
    this.#sessions = sessions;
  }

  async takeNames(names: ReadonlySet<string>): Promise<void> {
    if (!this.#sessions.holds()) return;
    this.#names = names;
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name);
    this.#unseen.clear();
    for (const name of names) if (!this.#seen.has(name)) this.#unseen.add(name);
    await this.#settle(undefined);
    if (this.#isWhole) await sweepNodes(this.#parts, this.#settings.account);
  }

  async take(name: string, found: readonly Json[]): Promise<void> {
    if (!this.#sessions.holds()) return;
    const { registry, log, agent } = this.#parts;
    const { account, url } = this.#settings;
    const read = found.map(toSeen);
    const seen = read.flatMap((one) => (one.ok ? one.value : []));
    this.#unseen.delete(name);
    this.#seen.set(name, new Set(seen.map((one) => idOf(one, agent))));
    const refused = await bring(registry, account, seen, (some) =>
      byPlan(MIRROR, { agent, source: url, seen: [...some] }),
    );
    const wrong = [...read.flatMap((one) => (one.ok ? [] : one)), ...refused];
    if (wrong[0] !== undefined)
      log.warn(
        { consul: url, service: name, instances: wrong.length, why: wrong[0].detail },
        "what a Consul has could not be mirrored",
      );
    await this.#settle(name);
  }

  /** What is not there any more goes: of one service, or of all. */
  async #settle(name: string | undefined): Promise<void> {
    if (!this.#isWhole && this.#unseen.size > 0) return;
    const only = this.#isWhole ? name : undefined;
    const { gone, all } = this.#parts.registry.read((view) => this.#findGone(view, only));
    if (gone.length > 0 && !this.#mayGo(gone.length, all)) return;
    const stays = await remove(this.#parts, this.#settings.account, gone);
    const { log } = this.#parts;
    if (stays !== undefined) log.warn({ consul: this.#settings.url, why: stays }, "services that are gone stay");
    if (!this.#isWhole)
      log.info({ consul: this.#settings.url, services: this.#names.size }, "the services of a Consul are mirrored");
    this.#isWhole = true;
    this.#sessions.wentWell();
  }

  #findGone(view: View, only: string | undefined): { readonly gone: readonly InstanceKey[]; readonly all: number } {
    const gone: InstanceKey[] = [];
    let all = 0;
    const account = view.account(this.#settings.account);
    const records = only === undefined ? account?.instances() : account?.service(only)?.instances.values();
    for (const record of records ?? []) {
      if (record.meta[META.mirror] !== this.#settings.url) continue;
      all++;
      if (this.#seen.get(record.service)?.has(record.id) !== true)
        gone.push({ service: record.service, id: record.id });
    }
    return { gone, all };
  }

  /** An empty Consul empties nothing, and neither does one that has just begun anew. */
  #mayGo(gone: number, all: number): boolean {
    const isNew = !this.#isWhole && performance.now() - this.#beginMs < HOLD_MS;
    if (this.#names.size > 0 && !(isNew && gone >= MANY && 2 * gone > all)) return true;
    if (!this.#isTold)
      this.#parts.log.warn(
        { consul: this.#settings.url, services: this.#names.size, gone },
        "a Consul has lost most of what it had: it stays for now",
      );
    this.#isTold = true;
    return false;
  }
}
