/**
 * @live Writes groups at the end of the order: one transaction each, guarded by the end that was known when the group was
 * decided. It is sent again, to the next member, until it is known what came of it: sent twice it counts once, as the
 * second finds its own id.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { type Commit, type Made, positionAfter, type Settle } from "../../../core/index.ts";
import { ByteWriter } from "../../../records/bytes.ts";
import { encodeGroup } from "../../../records/group.ts";
import { encodeMeta } from "../../../records/meta.ts";
import { CallFailed } from "../client/channel.ts";
import { type Client, isUnknown } from "../client/client.ts";
import type { Guard, Operation } from "../client/messages.ts";
import { type Keys, readTop, type Top } from "../keys.ts";
import { bounded, decodeEnvelope, encodeEnvelope, type Sent } from "./envelope.ts";
import type { Group } from "./reader.ts";

export interface AppenderOptions {
  readonly client: Client;
  readonly keys: Keys;
  /** The revision of etcd that wrote the end of the order as it is known here, and the group there. */
  end(): { readonly topRevision: number; readonly group: string };
  /** What must hold beside the end of the order; undefined when it does not, as far as is known here. */
  guards(made: readonly Made[]): readonly Guard[] | undefined;
  /** What is noted beside the commits. */
  sent(made: readonly Made[], commits: readonly Commit[]): readonly Sent[];
  /** The group is durable and the next in the order. Called before it is settled. */
  delivered(group: Pick<Group, "id" | "commits" | "bytes" | "parts" | "modRevision">): void;
  /** What came of a try: null for an answer, else why there was none, and how long the group has waited. */
  tried(error: unknown, waitedMs: number): void;
  /** After so long nobody is told to wait any more. */
  readonly patienceMs: number;
}

/** A part, or a group that has none. etcd takes requests of 1.5 MiB. */
export const PART_BYTES = 1024 * 1024;
const RETRY_MS = 100;
/** A group that has no answer for so long is sent once more beside: etcd may have another leader by now. */
const AGAIN_MS = 300;
/** How often it is looked whether it has come here why a guard did not hold. */
const LOOK_MS = 5;

interface Pending {
  readonly id: string;
  readonly commits: readonly Commit[];
  readonly made: readonly Made[];
  readonly settle: Settle;
  readonly bytes: number;
  /** 0 when it fits one key. */
  readonly parts: number;
  isSettled: boolean;
  /** A try had no answer. */
  isUnsure: boolean;
  /** These did not hold, and will not again; the end of the order did not move. */
  broken: readonly Guard[] | undefined;
}

export class Appender {
  readonly #options: AppenderOptions;
  readonly #out = new ByteWriter();
  readonly #writer = randomUUID().slice(0, 13);
  #count = 0;
  #pending: Pending | null = null;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /** No commits: whether this node knows the end of the order. */
  append(commits: readonly Commit[], settle: Settle, made: readonly Made[]): void {
    const body = commits.length === 0 ? Buffer.alloc(0) : Buffer.from(encodeGroup(this.#out, commits));
    const pending: Pending = {
      id: `${this.#writer}-${++this.#count}`,
      commits,
      made,
      settle,
      bytes: body.length,
      parts: body.length <= PART_BYTES ? 0 : Math.ceil(body.length / PART_BYTES),
      isSettled: false,
      isUnsure: false,
      broken: undefined,
    };
    this.#pending = pending;
    void (commits.length === 0 ? this.#look(pending) : this.#run(pending, body)).catch((error: unknown) =>
      this.#end(pending, () => settle.unknown(error)),
    );
  }

  /** The watch brings a group: whether it is the one that is under way, which is delivered by it. */
  isDelivered(id: string, topRevision: number): boolean {
    const pending = this.#pending;
    if (pending === null || pending.id !== id) return false;
    this.#deliver(pending, topRevision);
    return true;
  }

  /** Others were before it. */
  passed(): void {
    this.#pending = null;
  }

  #deliver(pending: Pending, topRevision: number): void {
    this.#end(pending, () => {
      this.#options.delivered({ ...pending, modRevision: topRevision });
      pending.settle.delivered();
    });
  }

  /** Once, and not when others were before it. */
  #end(pending: Pending, settle: () => void): void {
    if (pending.isSettled || this.#pending !== pending) return;
    pending.isSettled = true;
    this.#pending = null;
    settle();
  }

  async #look(pending: Pending): Promise<void> {
    const { client, keys, patienceMs, end, tried } = this.#options;
    const startMs = performance.now();
    while (!pending.isSettled && this.#pending === pending) {
      try {
        const [top] = (await client.range({ key: keys.top })).entries;
        tried(null, 0);
        const isSame = top !== undefined && top.modRevision === end().topRevision;
        this.#end(pending, () => (isSame ? pending.settle.delivered() : pending.settle.lostRace()));
      } catch (error) {
        const waitedMs = performance.now() - startMs;
        tried(error, waitedMs);
        if (!isUnknown(error) || waitedMs > patienceMs) this.#end(pending, () => pending.settle.failed(error));
        else await delay(RETRY_MS);
      }
    }
  }

  async #run(pending: Pending, body: Buffer): Promise<void> {
    const { keys, patienceMs, guards, sent } = this.#options;
    const { id, commits, parts, made } = pending;
    const noted = bounded(sent(made, commits));
    let isUndone = false;
    const last = positionAfter(commits.at(-1) as Commit);
    const top: Top = { ...last, group: id };
    const key = keys.group((commits[0] as Commit).revision);
    const untilMs = performance.now() + patienceMs;
    for (let nth = 0; nth < parts; ) {
      const part = body.subarray(nth * PART_BYTES, (nth + 1) * PART_BYTES);
      const done = await this.#try(pending, [{ kind: "put", key: keys.part(id, nth), value: part }], untilMs, []);
      if (pending.isSettled) return;
      if (done !== null) nth++;
    }
    while (!pending.isSettled && this.#pending === pending) {
      const held = guards(made);
      if (held === undefined || (pending.broken !== undefined && !isDeepStrictEqual(held, pending.broken))) {
        this.#end(pending, () => pending.settle.undone());
        isUndone = true;
        break;
      }
      if (pending.broken !== undefined) {
        if (performance.now() > untilMs) this.#end(pending, () => pending.settle.failed(new Error("etcd lags behind")));
        await delay(LOOK_MS);
        continue;
      }
      const { topRevision, group: after } = this.#options.end();
      const value = encodeEnvelope({ id, after, parts, sent: noted, body: parts === 0 ? body : Buffer.alloc(0) });
      const then: readonly Operation[] = [
        { kind: "put", key: keys.top, value: encodeMeta(top) },
        { kind: "put", key, value },
      ];
      await this.#try(pending, then, untilMs, [{ key: keys.top, modRevision: topRevision }, ...held]);
    }
    // Others were before it, or it is decided again: nobody needs its parts.
    if (parts > 0 && (isUndone || !pending.isSettled))
      await this.#options.client
        .transact({ guards: [], then: [{ kind: "delete", ...keys.parts(id) }] })
        .catch(() => {});
  }

  /** Null when it is not known to be done; the group may be settled by then. */
  async #try(
    pending: Pending,
    then: readonly Operation[],
    untilMs: number,
    guards: readonly Guard[],
  ): Promise<number | null> {
    const { client, keys } = this.#options;
    const { settle, commits } = pending;
    const otherwise = [keys.top, keys.group((commits[0] as Commit).revision)].map(
      (key) => ({ kind: "range", range: { key } }) as const,
    );
    try {
      // Done a second time it fails by its guard; without one it would do the same once more, perhaps much later.
      const done = await client.transact({ guards, then, otherwise }, guards.length === 0 ? undefined : AGAIN_MS);
      this.#options.tried(null, 0);
      if (guards.length === 0) return done.revision;
      if (done.succeeded) this.#deliver(pending, done.revision);
      else this.#judge(pending, guards, done.ranges[0]?.entries[0], done.ranges[1]?.entries[0]);
      return done.revision;
    } catch (error) {
      this.#options.tried(error, performance.now() - untilMs + this.#options.patienceMs);
      if (!isUnknown(error)) {
        // It was refused. An earlier try may have been done, or be under way still.
        this.#end(pending, () => (pending.isUnsure ? settle.unknown(error) : settle.failed(error)));
        return null;
      }
      pending.isUnsure = true;
      if (performance.now() > untilMs) this.#end(pending, () => settle.unknown(error));
      else await delay(error instanceof CallFailed && error.isAnswer ? RETRY_MS : RETRY_MS / 2);
      return null;
    }
  }

  /** The end of the order is not where the group was to go. */
  #judge(
    pending: Pending,
    [end, ...others]: readonly Guard[],
    top: { readonly value: Buffer; readonly modRevision: number } | undefined,
    group: { readonly value: Buffer; readonly modRevision: number } | undefined,
  ): void {
    const there = group === undefined ? undefined : decodeEnvelope(group.value);
    if (there?.ok && there.value.id === pending.id) {
      this.#deliver(pending, (group as { modRevision: number }).modRevision);
      return;
    }
    if (top !== undefined && top.modRevision === end?.modRevision) {
      pending.broken = others;
      return;
    }
    const isSame = top !== undefined && readTop(top.value).group === this.#options.end().group;
    // The same end under another revision of etcd: it was restored from a backup. The watch finds out what is to be done.
    if (isSame || top === undefined) this.#end(pending, () => pending.settle.unknown(new Error("etcd was set back")));
    else this.#end(pending, () => pending.settle.lostRace());
  }
}
