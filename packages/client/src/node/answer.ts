/** An answer of node:http as the client reads it. The platform's own `Response` takes some 30 ms of processor time to load. */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { Answer } from "../http/fetch.ts";

/** Statuses whose answers have no body (Fetch, 2.2.3). */
export const BODILESS: ReadonlySet<number | undefined> = new Set([101, 204, 205, 304]);

export class NodeAnswer implements Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Answer["headers"];
  readonly #message: IncomingMessage;
  #body: Answer["body"] | undefined;

  constructor(message: IncomingMessage) {
    this.#message = message;
    this.status = message.statusCode ?? 200;
    this.statusText = message.statusMessage ?? "";
    const { headersDistinct } = message;
    this.headers = { get: (name) => headersDistinct[name.toLowerCase()]?.join(", ") ?? null };
    if (BODILESS.has(this.status)) {
      this.#body = null;
      message.resume();
    }
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /** Made when it is asked for: the shorter way is `text`. */
  get body(): Answer["body"] {
    if (this.#body === undefined) this.#body = Readable.toWeb(this.#message) as ReadableStream<Uint8Array<ArrayBuffer>>;
    return this.#body;
  }

  async text(): Promise<string> {
    if (this.#body === null) return "";
    const parts: Buffer[] = [];
    for await (const part of this.#message) parts.push(part as Buffer);
    return Buffer.concat(parts).toString("utf8");
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}
