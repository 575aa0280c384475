/**
 * @live etcd as this replicator uses it: a few calls at whichever member answers. A member that does not, or has lost its
 * cluster, is left for the next one.
 * @rooms client > channel > messages
 */
import type { SecureContextOptions } from "node:tls";
import { CallFailed, Channel, CODES, type OpenCall } from "./channel.ts";
import {
  decodeLeaseTtl,
  decodeMembers,
  decodeRange,
  decodeStatus,
  decodeToken,
  decodeTransaction,
  decodeValues,
  decodeWatch,
  encodeCompaction,
  encodeLease,
  encodeLeaseGrant,
  encodeLogin,
  encodeRange,
  encodeTransaction,
  encodeWatch,
  type MemberEntry,
  type MemberStatus,
  type RangeAsked,
  type RangeRead,
  type Transaction,
  type TransactionDone,
  type ValuesRead,
  type WatchTold,
} from "./messages.ts";

export interface ClientOptions {
  /** `http://host:2379` or `https://…`, of as many members as are known; one at least. */
  readonly endpoints: readonly string[];
  readonly user?: { readonly name: string; readonly password: string };
  readonly secure?: SecureContextOptions;
  /** For one answer of one member; 1 s when left out. */
  readonly timeoutMs?: number;
}

/** What a watch is told. `ended` comes once, last: the watch is to be begun again. */
export interface WatchListener {
  told(told: WatchTold): void;
  ended(error: Error): void;
}

export type Told =
  | { readonly url: string; readonly status: MemberStatus }
  | { readonly url: string; readonly error: unknown };

const TIMEOUT_MS = 1000;
/** Ranges are long, and wait for the disk of a member that has just started. */
const READ_TIMEOUT_MS = 10_000;
const COMPACT_TIMEOUT_MS = 10_000;
/** A password takes etcd long on purpose: up to a second and more on a busy machine. */
const LOGIN_TIMEOUT_MS = 4000;
const EMPTY = Buffer.alloc(0);

export class Client {
  readonly #options: ClientOptions;
  readonly #channels: readonly Channel[];
  readonly #timeoutMs: number;
  #at = 0;
  #token = "";
  /** Under way. */
  #login: { readonly channel: Channel; readonly done: Promise<string> } | undefined;
  #isClosed = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#channels = options.endpoints.map((url) => new Channel(url, options.secure));
  }

  /** Where the next call goes. */
  get endpoint(): string {
    return this.#channel.url;
  }

  get #channel(): Channel {
    return this.#channels[this.#at % this.#channels.length] as Channel;
  }

  async range(asked: RangeAsked): Promise<RangeRead> {
    return decodeRange(await this.#read("KV/Range", encodeRange(asked)));
  }

  /** The values alone. */
  async values(asked: RangeAsked): Promise<ValuesRead> {
    return decodeValues(await this.#read("KV/Range", encodeRange(asked)));
  }

  /** Several ranges at one revision. */
  async inspect(ranges: readonly RangeAsked[]): Promise<TransactionDone> {
    const then = ranges.map((range) => ({ kind: "range", range }) as const);
    return decodeTransaction(await this.#read("KV/Txn", encodeTransaction({ guards: [], then })));
  }

  /**
   * Tried at one member, and again there when it does not answer within `againMs`. What came of it is unknown when the
   * failure is no answer (`isUnknown`).
   */
  async transact(transaction: Transaction, againMs?: number): Promise<TransactionDone> {
    return decodeTransaction(await this.#ask("KV/Txn", encodeTransaction(transaction), this.#timeoutMs, againMs));
  }

  async grantLease(id: number, ttlSeconds: number): Promise<void> {
    await this.#ask("Lease/LeaseGrant", encodeLeaseGrant(id, ttlSeconds), this.#timeoutMs);
  }

  async revokeLease(id: number): Promise<void> {
    await this.#ask("Lease/LeaseRevoke", encodeLease(id), this.#timeoutMs);
  }

  /** The seconds that it has now; 0 when there is no such lease. */
  renewLease(id: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const channel = this.#channel;
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        call.close();
        settle();
      };
      const timer = setTimeout(() => {
        this.#leave(channel);
        end(() => reject(new CallFailed(CODES.deadline, `${channel.url} did not answer`, false)));
      }, this.#timeoutMs);
      const call = channel.open(pathOf("Lease/LeaseKeepAlive"), this.#token, {
        message: (bytes) => end(() => resolve(decodeLeaseTtl(bytes))),
        ended: (error) => {
          if (isElsewhere(error)) this.#leave(channel);
          end(() => reject(error));
        },
      });
      call.send(encodeLease(id));
    });
  }

  /** All that was written from this revision on to keys from `key` up to `end`. */
  watch(key: Buffer, end: Buffer, startRevision: number, listener: WatchListener): Pick<OpenCall, "close"> {
    const channel = this.#channel;
    const call = channel.open(pathOf("Watch/Watch"), this.#token, {
      message(bytes) {
        try {
          listener.told(decodeWatch(bytes));
        } catch (error) {
          call.close();
          listener.ended(error as Error);
        }
      },
      ended: (error) => {
        if (isElsewhere(error)) this.#leave(channel);
        if (error.code === CODES.unauthenticated) this.#token = "";
        listener.ended(error);
      },
    });
    call.send(encodeWatch(key, end, startRevision));
    return call;
  }

  /** Forgets all that was overwritten before this revision. */
  async compact(revision: number): Promise<void> {
    await this.#ask("KV/Compact", encodeCompaction(revision), COMPACT_TIMEOUT_MS);
  }

  /** As `range`, for one that is quickly asked and says whether etcd answers at all. */
  async peek(asked: RangeAsked): Promise<RangeRead> {
    return decodeRange(await this.#read("KV/Range", encodeRange(asked), this.#timeoutMs));
  }

  /** Who is in the cluster. */
  async members(): Promise<readonly MemberEntry[]> {
    return decodeMembers(await this.#read("Cluster/MemberList", EMPTY, this.#timeoutMs));
  }

  /** What each of the configured members says of itself, or why it says nothing. */
  statuses(): Promise<readonly Told[]> {
    const told = this.#channels.map(async (channel): Promise<Told> => {
      try {
        const answer = await channel.ask(pathOf("Maintenance/Status"), EMPTY, this.#timeoutMs, this.#token);
        return { url: channel.url, status: decodeStatus(answer) };
      } catch (error) {
        return { url: channel.url, error };
      }
    });
    return Promise.all(told);
  }

  /** Other certificates, for connections from now on. */
  renew(secure: SecureContextOptions = {}): void {
    for (const channel of this.#channels) channel.renew(secure);
  }

  close(): void {
    this.#isClosed = true;
    for (const channel of this.#channels) channel.drop();
  }

  /** Asks each member in turn before it gives up: nothing changes by it. */
  async #read(method: string, message: Buffer, timeoutMs = READ_TIMEOUT_MS): Promise<Buffer> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#ask(method, message, timeoutMs);
      } catch (error) {
        if (!isElsewhere(error) || tries >= this.#channels.length || this.#isClosed) throw error;
      }
    }
  }

  async #ask(method: string, message: Buffer, timeoutMs: number, againMs?: number): Promise<Buffer> {
    if (this.#isClosed) throw new CallFailed(CODES.unavailable, "the connection to etcd is closed", true);
    const channel = this.#channel;
    let token = "";
    try {
      token = await this.#tokenFor(channel);
      return await channel.ask(pathOf(method), message, timeoutMs, token, againMs);
    } catch (error) {
      if (isExpired(error) && this.#options.user !== undefined) {
        // The token was too old, or made before the member knew of it. It refused, so nothing was done.
        if (this.#token === token) this.#token = "";
        return channel.ask(pathOf(method), message, timeoutMs, await this.#tokenFor(channel));
      }
      if (isElsewhere(error)) this.#leave(channel);
      throw error;
    }
  }

  /** Many calls at once share a login. */
  async #tokenFor(channel: Channel): Promise<string> {
    const { user } = this.#options;
    if (user === undefined || this.#token !== "") return this.#token;
    if (this.#login?.channel !== channel) {
      const done = this.#logIn(channel, user);
      const login = { channel, done };
      this.#login = login;
      const over = (): void => {
        if (this.#login === login) this.#login = undefined;
      };
      done.then(over, over);
    }
    return this.#login.done;
  }

  async #logIn(channel: Channel, { name, password }: NonNullable<ClientOptions["user"]>): Promise<string> {
    const timeoutMs = Math.max(this.#timeoutMs, LOGIN_TIMEOUT_MS);
    const answer = await channel.ask(pathOf("Auth/Authenticate"), encodeLogin(name, password), timeoutMs, "");
    this.#token = decodeToken(answer);
    return this.#token;
  }

  /** The next call goes to the next member, unless another call has seen to that. */
  #leave(channel: Channel): void {
    if (channel !== this.#channel) return;
    channel.drop();
    this.#at++;
    this.#token = "";
  }
}

function pathOf(method: string): string {
  return `/etcdserverpb.${method}`;
}

/** Another member may do better. */
function isElsewhere(error: unknown): boolean {
  return error instanceof CallFailed && (!error.isAnswer || error.code === CODES.unavailable);
}

function isExpired(error: unknown): boolean {
  if (!(error instanceof CallFailed) || !error.isAnswer) return false;
  // Tokens are also too old when users or roles have changed since.
  return error.code === CODES.unauthenticated || /invalid auth token|auth store is old/.test(error.message);
}

/** Whether what was asked for may have been done, or may yet be. etcd's own time-outs are answers that do not know either. */
export function isUnknown(error: unknown): boolean {
  if (!(error instanceof CallFailed)) return true;
  return (
    !error.isAnswer || error.code === CODES.unavailable || error.code === CODES.deadline || error.code === CODES.unknown
  );
}
