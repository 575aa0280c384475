/**
 * @live Keeps a HAProxy right: who comes and goes is told to its runtime socket; what that cannot tell, more slots or other
 * lines, is a reload, and those are rare. Whatever fails is said once and tried again, and HAProxy goes on as it was.
 *
 *   servers ──> slots ──structure as before?──yes──> file + socket
 *                             └──no──> candidate ──haproxy -c──> file ──> reload ──> socket
 */
import { readFile } from "node:fs/promises";
import { sayWhy } from "../../net/why.ts";
import type { Backend, HaproxyConfig, ProxiedService } from "../config.ts";
import { replaceFile } from "../host/disk.ts";
import type { Once } from "../host/once.ts";
import { Upkeep } from "../host/upkeep.ts";
import { bringNew } from "./reload.ts";
import { type Digests, digestsOf, digestsOfText, isOurs, type Laid, render, slotsOf } from "./render.ts";
import { ASK_SERVERS, commandsFor, readServers, refusedBy } from "./runtime.ts";
import { layOut, place, type Slot, toServers } from "./slots.ts";
import { tellHaproxy } from "./socket.ts";

export interface Proxied {
  readonly name: string;
  readonly haproxy: ProxiedService;
  /** Null while nobody knows: what is there stays. */
  readonly backends: readonly Backend[] | null;
}

const ABOUT = "HAProxy";
const SOCKET = "HAProxy's socket";
/** Whatever changed it meanwhile is set right after so long. */
const LOOK_AGAIN_MS = 30_000;
/** The same of a socket that does not answer. */
const SILENT_MS = 2000;
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 30_000;

/** `wrong`: it runs with another configuration, or its socket cannot say what is wanted. */
type Answer = "right" | "wrong" | "silent";

interface Placement {
  /** In the slots that there are. */
  readonly placed: readonly Laid[];
  /** With slots for all; the same when it `isWhole`. */
  readonly laid: readonly Laid[];
  readonly isWhole: boolean;
}

export class Haproxy {
  readonly #config: HaproxyConfig;
  readonly #once: Once;
  #services: readonly Proxied[] = [];
  /** What HAProxy runs with, as far as is known; undefined before the file was read. */
  #known: Digests | undefined;
  /** The file is one that no agent wrote. */
  #isForeign = false;
  /** Of each backend. */
  #slots: ReadonlyMap<string, readonly Slot[]> = new Map();
  /** What was made of each service: as long as it is the same, so is this. */
  readonly #made = new Map<string, { readonly from: Proxied; readonly laid: Laid }>();
  readonly #upkeep = new Upkeep((isAgain) => this.#bringOrRetry(isAgain));
  #failures = 0;
  #reloadAfterMs = 0;
  /** A reload is wanted for what is in the file, and has not succeeded; nobody knows whether that of an agent before did. */
  #isOwed = true;
  /** It was just reloaded: what is still wrong is not mended by another reload. */
  #isReloaded = false;
  /** The services as HAProxy was told them last, by backend; empty when all are to be compared. */
  #told: ReadonlyMap<string, Laid> = new Map();

  constructor(config: HaproxyConfig, once: Once) {
    this.#config = config;
    this.#once = once;
  }

  set(services: readonly Proxied[]): void {
    this.#services = services;
    this.#upkeep.ask();
  }

  /** HAProxy goes on as it is. */
  close(): Promise<void> {
    return this.#upkeep.close();
  }

  async #bringOrRetry(isAgain: boolean): Promise<number> {
    if (isAgain) this.#told = new Map();
    try {
      const waitMs = await this.#bring();
      if (waitMs !== undefined) return waitMs;
      this.#failures = 0;
      this.#once.over(ABOUT);
      return LOOK_AGAIN_MS;
    } catch (error) {
      this.#once.trouble(ABOUT, sayWhy(error));
      return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failures++, 10));
    }
  }

  /** Undefined when all is right; else after how many ms it is to be tried again. */
  async #bring(): Promise<number | undefined> {
    const known = await this.#readOwn();
    // Another's file has servers that nobody else knows yet: it stays until somebody does.
    if (this.#isForeign && this.#services.some(({ backends }) => backends === null)) return undefined;
    const { laid, placed, isWhole } = this.#place();
    const wanted = digestsOf(this.#config, placed);
    const isSame = isWhole && wanted.structure === known.structure;
    const isNew = wanted.text !== known.text;
    // Without a socket whatever is new is a reload.
    const answer = this.#config.socketPath === null ? "silent" : await this.#tell(placed);
    if (isSame && isNew) {
      await this.#write(placed);
      this.#isOwed = true;
    }
    const wasReloaded = this.#isReloaded;
    this.#isReloaded = false;
    if (isSame && (answer === "right" || this.#config.reloadCommand === null)) {
      this.#isOwed = false;
      return undefined;
    }
    if (isSame && answer === "silent" && !this.#isOwed) {
      this.#once.over(ABOUT);
      return this.#config.socketPath === null ? undefined : SILENT_MS;
    }
    if (isSame && answer === "wrong" && wasReloaded && !isNew)
      throw new Error(`it does not do what ${this.#config.configPath} says, although it was reloaded`);
    const waitMs = this.#reloadAfterMs - performance.now();
    if (waitMs > 0) return waitMs;
    await this.#reload(isSame ? placed : laid);
    return 0;
  }

  /** The file remembers over a restart of the agent who is in which slot. */
  async #readOwn(): Promise<Digests> {
    if (this.#known !== undefined) return this.#known;
    const text = await readFile(this.#config.configPath, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    this.#isForeign = text !== "" && !isOurs(text);
    this.#slots = slotsOf(text);
    this.#known = digestsOfText(text);
    return this.#known;
  }

  #place(): Placement {
    const laid: Laid[] = [];
    const placed: Laid[] = [];
    let isWhole = true;
    for (const service of this.#services) {
      const made = this.#made.get(service.haproxy.backendName);
      const { now, then } =
        made !== undefined && isStill(made.from, service) ? both(made.laid) : this.#placeOne(service);
      isWhole &&= now === then;
      placed.push(now);
      laid.push(then);
    }
    return { laid, placed, isWhole };
  }

  #placeOne(service: Proxied): { readonly now: Laid; readonly then: Laid } {
    const { name, haproxy, backends } = service;
    const { serverOptions, backendName } = haproxy;
    const slots = this.#slots.get(backendName) ?? [];
    const servers = toServers(backends ?? [], serverOptions, this.#config.orderSeed);
    const placed = backends === null ? { slots, left: [] } : place(slots, servers);
    const isAsBefore = placed.slots.every((slot, at) => slot === slots[at]);
    const now = { name, haproxy, slots: isAsBefore ? slots : placed.slots };
    if (placed.left.length === 0 && slots.length > 0) {
      this.#made.set(backendName, { from: service, laid: now });
      return both(now);
    }
    const free = serverOptions.includes("%{") ? "" : serverOptions;
    return { now, then: { name, haproxy, slots: layOut(slots, servers, free) } };
  }

  async #write(services: readonly Laid[]): Promise<void> {
    const { configPath, candidatePath, writes } = this.#config;
    if (writes) await replaceFile(configPath, render(this.#config, services), candidatePath);
    this.#keep(services);
  }

  #keep(services: readonly Laid[]): void {
    this.#isForeign = false;
    this.#known = digestsOf(this.#config, services);
    this.#slots = new Map(services.map(({ haproxy, slots }) => [haproxy.backendName, slots]));
    for (const name of this.#made.keys()) if (!this.#slots.has(name)) this.#made.delete(name);
  }

  async #tell(services: readonly Laid[]): Promise<Answer> {
    const before = this.#told;
    const changed = services.filter((laid) => before.get(laid.haproxy.backendName) !== laid);
    this.#told = new Map();
    const answer = changed.length === 0 ? "right" : await this.#tellOf(this.#config.socketPath as string, changed);
    if (answer === "right") this.#told = new Map(services.map((laid) => [laid.haproxy.backendName, laid]));
    return answer;
  }

  async #tellOf(socketPath: string, services: readonly Laid[]): Promise<Answer> {
    const asks = services.map(({ haproxy }) => `${ASK_SERVERS} ${haproxy.backendName}`);
    const live = await tellHaproxy(socketPath, asks).catch((error: unknown) =>
      this.#once.trouble(SOCKET, `${socketPath} does not answer, so each change is a reload: ${sayWhy(error)}`),
    );
    if (live === undefined) return "silent";
    const servers = readServers(live);
    const told = services.map(({ haproxy, slots }) => commandsFor(haproxy.backendName, slots, servers));
    const commands = told.flatMap((one) => one.commands);
    const refused = commands.length === 0 ? undefined : refusedBy(await tellHaproxy(socketPath, commands));
    if (refused === undefined) this.#once.over(SOCKET);
    else this.#once.trouble(SOCKET, refused);
    return refused === undefined && !told.some(({ isMissing }) => isMissing) ? "right" : "wrong";
  }

  async #reload(services: readonly Laid[]): Promise<void> {
    const { reloadMs, jitter, writes } = this.#config;
    if (!writes) throw new Error("the configuration must change, and do_writes is false");
    this.#reloadAfterMs = performance.now() + reloadMs * (1 + Math.random() * jitter);
    this.#isOwed = true;
    await bringNew(this.#config, render(this.#config, services));
    this.#isOwed = false;
    this.#once.tell(ABOUT, "reloaded");
    this.#isReloaded = true;
    this.#told = new Map();
    this.#keep(services);
    // Drains and what changed meanwhile are told to the new process.
    this.#upkeep.ask();
  }
}

function both(laid: Laid): { readonly now: Laid; readonly then: Laid } {
  return { now: laid, then: laid };
}

function isStill(one: Proxied, other: Proxied): boolean {
  return one.name === other.name && one.haproxy === other.haproxy && one.backends === other.backends;
}
