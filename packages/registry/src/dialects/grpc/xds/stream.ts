/** @live A stream of xDS: what a client wants, told whenever it changes. Nothing is told again because it was refused. */
import { type Commit, LIMITS, type Refused, type Watch, type Watcher } from "../../../core/index.ts";
import type { Answers, Call, Talk } from "../../../net/grpc/method.ts";
import { CODES, Status } from "../../../net/grpc/status.ts";
import type { Visit } from "../../../net/routes/visits.ts";
import { admit, type Desk, type Guest } from "../desk.ts";
import { STOPPED, toStatus } from "../refusals.ts";
import { KINDS, type Kind, kindOf } from "./kinds.ts";
import { type Asked, type Response, writeResponse } from "./messages.ts";
import { findResource } from "./resources.ts";
import { type Found, Wanted } from "./wanted.ts";

/** Names of one kind on one stream. */
const NAMES_MAX = 10_000;
/** With more services than this each commit of the account is looked at. */
const FOLLOWED_MAX = 1000;

const TOO_MANY = new Status(CODES.resourceExhausted, `more than ${NAMES_MAX} names of one kind`);
const TOO_LONG = new Status(CODES.invalidArgument, `a name is longer than ${LIMITS.nameLengthMax}`);

export class DiscoveryStream implements Talk<Asked>, Watcher, Visit {
  readonly #desk: Desk;
  readonly #call: Call;
  readonly #answers: Answers<Buffer>;
  readonly #isDelta: boolean;
  readonly #wanted = new Map<Kind, Wanted>();
  #account: string | undefined;
  #watch: Watch | undefined;
  /** What the watch is for; undefined for all services. */
  #followed: ReadonlySet<string> | undefined = new Set();
  #isFull = false;
  #release: (() => void) | undefined;

  constructor(desk: Desk, call: Call, answers: Answers<Buffer>, isDelta: boolean) {
    this.#desk = desk;
    this.#call = call;
    this.#answers = answers;
    this.#isDelta = isDelta;
    answers.onDrain(() => {
      this.#isFull = false;
      this.#watch?.resume();
      this.#release?.();
      this.#release = undefined;
    });
  }

  message(asked: Asked): void | Promise<void> {
    if (this.#account === undefined) return this.#enter(asked);
    this.#take(asked);
    if (this.#isFull) return new Promise((resolve) => (this.#release = resolve));
  }

  /** The first request tells who asks. */
  async #enter(asked: Asked): Promise<void> {
    const { account, token } = asked.node;
    const guest: Guest = { call: this.#call, account, need: "reader", ...(token !== "" && { token }) };
    const admitted = await admit(this.#desk, guest);
    if (!this.#answers.isOpen) return;
    if (admitted instanceof Status) return this.#answers.end(admitted);
    this.#account = admitted;
    this.#desk.lasting.enter(this, guest);
    this.#desk.watchers(1);
    this.#take(asked);
  }

  #take(asked: Asked): void {
    const kind = kindOf(asked.type);
    // There will never be one of another kind: clients go on without.
    if (kind === undefined) return;
    if ([...asked.names, ...asked.known.keys()].some((name) => name.length > LIMITS.nameLengthMax))
      return this.#answers.end(TOO_LONG);
    let wanted = this.#wanted.get(kind);
    if (wanted === undefined) {
      wanted = new Wanted(kind, this.#isDelta);
      this.#wanted.set(kind, wanted);
    }
    const isNew = wanted.take(asked);
    if (wanted.names.size > NAMES_MAX || asked.known.size > NAMES_MAX) return this.#answers.end(TOO_MANY);
    if (wanted.isRefusal(asked))
      this.#desk.house.log.warn({ kind, from: this.#call.peer, reason: asked.error }, "a client of xDS refused");
    if (!isNew) return;
    this.#follow();
    this.#tell([wanted]);
  }

  /** Sees to it that changes of all that is wanted are heard of. */
  #follow(): void {
    const followed = this.#followed;
    if (followed === undefined && this.#watch !== undefined) return;
    const names = new Set([...this.#wanted.values()].flatMap((wanted) => [...wanted.names]));
    const isAll = names.size > FOLLOWED_MAX || [...this.#wanted.values()].some((wanted) => wanted.isAll);
    const isHeard = [...names].every((name) => followed?.has(name));
    if (this.#watch !== undefined && !isAll && isHeard) return;
    this.#followed = isAll ? undefined : names;
    this.#begin();
  }

  #begin(): void {
    this.#watch?.close();
    this.#watch = undefined;
    const { registry } = this.#desk;
    const account = this.#account as string;
    const services = this.#followed;
    const scope = services === undefined ? { account, anyService: true } : { account, services: [...services] };
    const now = registry.read((view) => view.revision);
    const watch = registry.follow(scope, now, this);
    if (!watch.ok) return this.#answers.end(toStatus(watch));
    this.#watch = watch.value;
  }

  /** Also what is new beside what the commits say: the state is that of now. */
  deliver(commits: readonly Commit[]): number {
    if (this.#isFull && this.#answers.isOpen) return 0;
    const changed = new Set<string>();
    for (const { changes } of commits)
      for (const change of changes) {
        if (change.kind !== "instance") continue;
        if (change.before !== null) changed.add(change.before.service);
        if (change.after !== null) changed.add(change.after.service);
      }
    if (changed.size > 0) this.#tell(this.#all(), changed);
    return commits.length;
  }

  lost(): void {
    if (!this.#answers.isOpen) return;
    this.#watch = undefined;
    this.#begin();
    this.#tell(this.#all());
  }

  #all(): readonly Wanted[] {
    return KINDS.flatMap((kind) => this.#wanted.get(kind) ?? []);
  }

  #tell(all: readonly Wanted[], changed?: ReadonlySet<string>): void {
    if (!this.#answers.isOpen) return;
    const responses = this.#desk.registry.read((view) => {
      const account = view.account(this.#account as string);
      const found: Found = {
        revision: view.revision,
        find: (kind, name) => findResource(kind, name, account?.service(name)),
        *services() {
          for (const { name, instances } of account?.services("") ?? []) if (instances.size > 0) yield name;
        },
      };
      return all.flatMap((wanted) => wanted.tell(found, changed) ?? []);
    });
    for (const response of responses) this.#write(response);
  }

  #write(response: Response): void {
    if (!this.#answers.writeEncoded(writeResponse(response, this.#isDelta))) this.#isFull = true;
  }

  ended(): void {
    this.#answers.end();
  }

  bye(revoked?: Refused): void {
    this.#answers.end(revoked === undefined ? STOPPED : toStatus(revoked));
  }

  closed(): void {
    this.#watch?.close();
    this.#release?.();
    if (this.#desk.lasting.leave(this) !== undefined) this.#desk.watchers(-1);
  }
}
