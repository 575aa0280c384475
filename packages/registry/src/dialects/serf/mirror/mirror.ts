/**
 * @live Keeps the members of a real cluster as instances, by one of its agents. The node on duty does it for all. While
 * the agent is not reached its members stay as they were seen last.
 */
import type { Logger } from "pino";
import { type Nodes, type Registry, toBytes } from "../../../core/index.ts";
import { bring, findStale, inOne } from "../../../mirrors/bring.ts";
import { type Session, Sessions } from "../../../mirrors/sessions.ts";
import type { Bus } from "../bus/bus.ts";
import type { MirrorSettings } from "../settings.ts";
import { Agent, type Seen } from "./agent.ts";
import { follow, isMirrored, isThere, mirrored, SOURCE, sourceOf } from "./instances.ts";

export interface MirrorParts {
  readonly registry: Registry;
  readonly nodes: Nodes;
  readonly bus: Bus;
  readonly log: Logger;
}

/** What was mirrored before, by other settings, goes. */
export async function forgetOthers(
  { registry, nodes, log }: Omit<MirrorParts, "bus">,
  settings: MirrorSettings | undefined,
): Promise<void> {
  if (!nodes.isOnDuty()) return;
  const stale = findStale(
    registry,
    (account, record) =>
      isMirrored(record) &&
      (settings === undefined || account !== settings.account || record.meta[SOURCE] !== sourceOf(settings)),
  );
  for (const [account, instances] of stale) {
    const refused = await bring(registry, account, instances, (some) =>
      inOne(some.map((instance) => ({ kind: "deregister", instance }))),
    );
    if (refused[0] !== undefined) log.warn({ why: refused[0].detail }, "mirrored members stay");
  }
}

/** User events are entries under this: so the events feed tells of them. */
const EVENTS = "/serf/events/";
const NAME_BYTES_MAX = 1024;

/** Events after which a member is not there, whatever is said of its status. */
const ENDS: ReadonlySet<string> = new Set(["member-leave", "member-failed", "member-reap"]);

function toGone(seen: Seen): Seen {
  return { ...seen, status: "left" };
}

export class Mirror {
  readonly #parts: MirrorParts;
  readonly #settings: MirrorSettings;
  readonly #source: string;
  readonly #sessions: Sessions;
  /** One after the other, in the order in which the agent told of them. */
  #work: Promise<void> = Promise.resolve();

  constructor(parts: MirrorParts, settings: MirrorSettings) {
    const { nodes, log } = parts;
    this.#parts = parts;
    this.#settings = settings;
    this.#source = sourceOf(settings);
    this.#sessions = new Sessions({
      nodes,
      open: (ended) => this.#follow(ended),
      lost: (why) =>
        log.warn({ agent: this.#source, why }, "a Serf agent is not reached: its members stay as they were"),
    });
  }

  begin(): void {
    this.#sessions.begin();
  }

  async close(): Promise<void> {
    this.#sessions.close();
    await this.#work;
  }

  #follow(ended: (why: string) => void): Session {
    let isNews = true;
    return new Agent(this.#settings, {
      onMembers: (seen) => {
        if (isNews)
          this.#parts.log.info(
            { agent: this.#source, members: seen.length },
            "the members of a Serf agent are mirrored",
          );
        isNews = false;
        this.#sessions.wentWell();
        this.#then(() => this.#take(seen, true));
      },
      onEvent: (event, seen) => this.#then(() => this.#take(ENDS.has(event) ? seen.map(toGone) : seen, false)),
      onUserEvent: (name, payload) => this.#then(() => this.#tell(name, payload)),
      onEnd: ended,
    });
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      this.#parts.log.error({ err: error }, "what a Serf agent told could not be mirrored");
    });
  }

  /** `isWhole`: who is not among them is gone. */
  async #take(seen: readonly Seen[], isWhole: boolean): Promise<void> {
    if (!this.#sessions.holds()) return;
    const { registry, log } = this.#parts;
    const { account } = this.#settings;
    const known = registry.read((view) => mirrored(view.account(account), this.#source));
    const commands = seen.flatMap((one) => follow(one, known.get(one.name), this.#settings) ?? []);
    const there = new Set(seen.filter(isThere).map(({ name }) => name));
    if (isWhole)
      for (const { service, id } of known.values())
        if (!there.has(id)) commands.push({ kind: "deregister", instance: { service, id } });
    const refused = await bring(registry, account, commands, inOne);
    if (refused[0] !== undefined)
      log.warn(
        { agent: this.#source, why: refused[0].detail, members: refused.length },
        "members of Serf could not be mirrored",
      );
  }

  /** To the clients of this registry, and into the events feed. */
  async #tell(name: string, payload: Buffer): Promise<void> {
    const { registry, bus, log } = this.#parts;
    const { account } = this.#settings;
    bus.fire({ account, name, payload, coalesce: false });
    const key = `${EVENTS}${toBytes(name)}`;
    if (key.length > NAME_BYTES_MAX) return;
    const outcome = await registry.propose(account, { kind: "put", key, value: payload.toString("latin1") });
    if (!outcome.ok) log.warn({ agent: this.#source, why: outcome.detail }, "a user event of Serf is not in the feed");
  }
}
