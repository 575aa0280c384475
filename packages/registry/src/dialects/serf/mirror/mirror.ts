/**
 * @live Keeps the members of a real cluster as instances, by one of its agents. The node on duty does it for all. While
 * the agent is not reached its members stay as they were seen last.
 */
import type { Logger } from "pino";
import { type Command, type Nodes, type Registry, toBytes } from "../../../core/index.ts";
import type { Bus } from "../bus/bus.ts";
import type { MirrorSettings } from "../settings.ts";
import { Agent, type Seen } from "./agent.ts";
import { allMirrored, follow, isThere, mirrored, SOURCE, sourceOf } from "./instances.ts";

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
  const stale = registry.read((view) =>
    [...view.accounts()].flatMap((account) =>
      [...allMirrored(account)]
        .filter(({ meta }) => account.name !== settings?.account || meta[SOURCE] !== sourceOf(settings))
        .map(({ service, id }) => [account.name, { service, id }] as const),
    ),
  );
  for (const [account, instance] of stale) {
    const outcome = await registry.propose(account, { kind: "deregister", instance });
    if (!outcome.ok && outcome.refusal !== "not-found") log.warn({ why: outcome.detail }, "a mirrored member stays");
  }
}

const WAIT_MS_MIN = 1000;
const WAIT_MS_MAX = 30_000;
/** Members that are brought to the same state at once. */
const CHUNK = 200;
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
  #agent: Agent | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = WAIT_MS_MIN;
  #stop: (() => void) | undefined;
  #isClosed = false;
  /** One after the other, in the order in which the agent told of them. */
  #work: Promise<void> = Promise.resolve();

  constructor(parts: MirrorParts, settings: MirrorSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#source = sourceOf(settings);
  }

  begin(): void {
    const { nodes } = this.#parts;
    this.#stop = nodes.onDuty(() => this.#connect());
    if (nodes.isOnDuty()) this.#connect();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop?.();
    clearTimeout(this.#timer);
    this.#agent?.close("the registry stops");
    await this.#work;
  }

  #connect(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed || this.#agent !== undefined || !this.#parts.nodes.isOnDuty()) return;
    const { log } = this.#parts;
    this.#agent = new Agent(this.#settings, {
      onMembers: (seen) => {
        if (this.#waitMs > 0)
          log.info({ agent: this.#source, members: seen.length }, "the members of a Serf agent are mirrored");
        this.#waitMs = 0;
        this.#then(() => this.#take(seen, true));
      },
      onEvent: (event, seen) => this.#then(() => this.#take(ENDS.has(event) ? seen.map(toGone) : seen, false)),
      onUserEvent: (name, payload) => this.#then(() => this.#tell(name, payload)),
      onEnd: (why) => this.#ended(why),
    });
  }

  #ended(why: string): void {
    this.#agent = undefined;
    if (this.#isClosed) return;
    if (this.#waitMs < WAIT_MS_MAX)
      this.#parts.log.warn({ agent: this.#source, why }, "a Serf agent is not reached: its members stay as they were");
    this.#waitMs = Math.min(Math.max(2 * this.#waitMs, WAIT_MS_MIN), WAIT_MS_MAX);
    this.#timer = setTimeout(() => this.#connect(), this.#waitMs);
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      this.#parts.log.error({ err: error }, "what a Serf agent told could not be mirrored");
    });
  }

  /** `isWhole`: who is not among them is gone. */
  async #take(seen: readonly Seen[], isWhole: boolean): Promise<void> {
    if (!this.#parts.nodes.isOnDuty()) return this.#agent?.close("another node mirrors it now");
    const { account } = this.#settings;
    const known = this.#parts.registry.read((view) => mirrored(view.account(account), this.#source));
    const commands = seen.flatMap((one) => follow(one, known.get(one.name), this.#settings) ?? []);
    const there = new Set(seen.filter(isThere).map(({ name }) => name));
    if (isWhole)
      for (const { service, id } of known.values())
        if (!there.has(id)) commands.push({ kind: "deregister", instance: { service, id } });
    for (let at = 0; at < commands.length; at += CHUNK) await this.#propose(commands.slice(at, at + CHUNK));
  }

  /** Together; where that is refused, one by one. What is gone meanwhile needs nothing. */
  async #propose(commands: readonly Command[]): Promise<void> {
    const { registry, log } = this.#parts;
    const { account } = this.#settings;
    const together = await registry.propose(account, { kind: "when", guards: [], then: commands, otherwise: [] });
    for (const command of together.ok ? [] : commands) {
      const outcome = await registry.propose(account, command);
      if (!outcome.ok && outcome.refusal !== "not-found")
        log.warn({ agent: this.#source, why: outcome.detail }, "a member of Serf could not be mirrored");
    }
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
