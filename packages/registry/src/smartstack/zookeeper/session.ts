/**
 * @live A session with a ZooKeeper, over as many connections as it takes. What is asked while there is none waits for the
 * next; a session that expired is followed by another one, and who made ephemeral nodes makes them again.
 */
import { connect as dial, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { sayWhy } from "../../net/why.ts";
import type { Once } from "../host/once.ts";
import { connect, FRESH, Frames, type Identity, OP, Reader, request, XID } from "./wire.ts";

/** As Nerve's and Synapse's sessions outlive them. */
const SESSION_MS = 30_000;
const CONNECT_MS_MAX = 5000;
const CLOSE_MS_MAX = 1000;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 10_000;

export interface SessionListener {
  /** Connected: all watches are gone, and with `isNew` all ephemeral nodes of before. */
  onUp(isNew: boolean): void;
  /** A watch of this path fired. */
  onEvent(path: string): void;
}

/** A request that the server refused; `code` as KeeperException has it. */
export class Refused extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`ZooKeeper answers ${code}`);
    this.code = code;
  }
}

interface Asked {
  readonly xid: number;
  resolve(answer: Reader): void;
  reject(error: Error): void;
}

export class Session {
  readonly #hosts: readonly string[];
  readonly #once: Once;
  readonly #listeners = new Set<SessionListener>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #identity: Identity = FRESH;
  #timeoutMs = SESSION_MS;
  #lastZxid = 0n;
  /** When it was lost, on a clock that only counts. */
  #lostAtMs = performance.now();
  #socket: Socket | undefined;
  #asked: Asked[] = [];
  #xid = 0;

  /** `hosts` as `host:port`. */
  constructor(hosts: readonly string[], once: Once) {
    this.#hosts = hosts;
    this.#once = once;
    this.#running = this.#run();
  }

  get id(): bigint {
    return this.#identity.sessionId;
  }

  get isUp(): boolean {
    return this.#socket !== undefined;
  }

  /** Told from now on; at once when it is connected. Returns its end. */
  listen(listener: SessionListener): () => void {
    this.#listeners.add(listener);
    if (this.isUp) listener.onUp(true);
    return () => this.#listeners.delete(listener);
  }

  /** Rejects with `Refused`, or when the connection is lost: then nobody knows whether it was done. */
  ask(op: number, body: Buffer): Promise<Reader> {
    const socket = this.#socket;
    if (socket === undefined) return Promise.reject(new Error("ZooKeeper is not reached"));
    this.#xid = (this.#xid + 1) & 0x7fffffff;
    const xid = this.#xid;
    return new Promise((resolve, reject) => {
      this.#asked.push({ xid, resolve, reject });
      socket.write(request(xid, op, body));
    });
  }

  /** Its ephemeral nodes go with it. */
  async close(): Promise<void> {
    if (this.isUp) await Promise.race([this.ask(OP.close, Buffer.alloc(0)).catch(() => {}), sleep(CLOSE_MS_MAX)]);
    this.#stop.abort();
    this.#socket?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const about = `ZooKeeper at ${this.#hosts.join(",")}`;
    for (let at = 0, failures = 0; !signal.aborted; at++) {
      try {
        await this.#hold(this.#hosts[at % this.#hosts.length] as string, () => {
          failures = 0;
          this.#once.over(about);
        });
        if (!signal.aborted) throw new Error("it ended the connection");
      } catch (error) {
        if (signal.aborted) return;
        this.#giveUp();
        this.#once.trouble(about, sayWhy(error));
        const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures++, 10));
        await sleep(waitMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  /**
   * A session that nobody could take up again in its time is over, whoever knows of it. A ZooKeeper that was set back takes
   * nobody who has seen a later state: what begins anew has seen none.
   */
  #giveUp(): void {
    if (performance.now() - this.#lostAtMs < this.#timeoutMs) return;
    this.#identity = FRESH;
    this.#lastZxid = 0n;
  }

  /** Resolves when this connection is over. */
  #hold(place: string, onUp: () => void): Promise<void> {
    const colon = place.lastIndexOf(":");
    const socket = dial({ host: place.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(place.slice(colon + 1)) });
    const frames = new Frames();
    let isUp = false;
    let pinging: NodeJS.Timeout | undefined;
    return new Promise((resolve, reject) => {
      socket.setTimeout(CONNECT_MS_MAX, () => socket.destroy(new Error("it is silent")));
      socket.on("connect", () => socket.write(connect(this.#identity, SESSION_MS, this.#lastZxid)));
      socket.on("data", (chunk: Buffer) => {
        try {
          for (const frame of frames.push(chunk)) {
            if (isUp) this.#take(new Reader(frame));
            else {
              isUp = true;
              this.#greet(new Reader(frame), socket);
              // A server that says nothing for two thirds of the session's time is given up, so that another can be asked.
              socket.setTimeout((this.#timeoutMs * 2) / 3);
              pinging = setInterval(() => socket.write(request(XID.ping, OP.ping)), this.#timeoutMs / 3).unref();
              onUp();
            }
          }
        } catch (error) {
          socket.destroy(error as Error);
        }
      });
      socket.on("error", reject);
      socket.on("close", () => {
        clearInterval(pinging);
        if (this.#socket === socket) this.#lostAtMs = performance.now();
        this.#socket = undefined;
        const asked = this.#asked;
        this.#asked = [];
        for (const one of asked) one.reject(new Error("the connection to ZooKeeper was lost"));
        resolve();
      });
    });
  }

  /** A session that the server does not know any more is followed by a new one: at the next connection. */
  #greet(answer: Reader, socket: Socket): void {
    answer.int();
    const timeoutMs = answer.int();
    const sessionId = answer.long();
    const password = Buffer.from(answer.bytes());
    if (sessionId === 0n || timeoutMs <= 0) {
      this.#identity = FRESH;
      this.#lastZxid = 0n;
      throw new Error("the session expired");
    }
    const isNew = sessionId !== this.#identity.sessionId;
    this.#identity = { sessionId, password };
    this.#timeoutMs = timeoutMs;
    this.#socket = socket;
    for (const listener of this.#listeners) listener.onUp(isNew);
  }

  #take(answer: Reader): void {
    const xid = answer.int();
    const zxid = answer.long();
    const code = answer.int();
    if (zxid > 0n) this.#lastZxid = zxid;
    if (xid === XID.ping) return;
    if (xid === XID.event) {
      answer.int();
      answer.int();
      const path = answer.text();
      for (const listener of this.#listeners) listener.onEvent(path);
      return;
    }
    const asked = this.#asked.shift();
    if (asked?.xid !== xid) throw new Error("it answers what was not asked");
    if (code === 0) asked.resolve(answer);
    else asked.reject(new Refused(code));
  }
}
