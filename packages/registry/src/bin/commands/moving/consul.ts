/** Questions to a Consul, or to a registry that speaks like one. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Outcome, refuse } from "../../../core/index.ts";
import { Fields } from "../../../dialects/consul/wire/fields.ts";
import { decodeBody } from "../../../dialects/consul/wire/json.ts";
import { sayWhy } from "../../../net/why.ts";
import { EXIT, Failure } from "../../terminal/exit.ts";

const ANSWER_MS_MAX = 60_000;
/** A list of some million names. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
const TRIES_MAX = 30;
const BUSY_MS = 1000;

export interface ConsulParts {
  /** Ends in a slash. */
  readonly url: string;
  /** For people: `the Consul`. */
  readonly name: string;
  readonly token: string | undefined;
  /** The flag that gives a token. */
  readonly tokenFlag: string;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
}

export interface Answered {
  readonly status: number;
  readonly body: Buffer;
}

export class Consul {
  readonly #parts: ConsulParts;

  constructor(parts: ConsulParts) {
    this.#parts = parts;
  }

  get url(): string {
    return this.#parts.url;
  }

  /** `path` begins behind `/v1/`. Throws a `Failure` when there is no answer, or one that no other request would change. */
  async ask(method: "GET" | "PUT", path: string, body?: string | Buffer<ArrayBuffer>): Promise<Answered> {
    for (let tries = 1; ; tries++) {
      const answered = await this.#send(method, path, body);
      const { status } = answered;
      if (status === 429 && tries < TRIES_MAX) {
        await sleep(BUSY_MS);
        continue;
      }
      if (status === 401 || status === 403 || status === 429 || status >= 500) throw this.#failure(answered);
      return answered;
    }
  }

  /** Like `ask`, with an answer that must be one of 200. */
  async list(path: string): Promise<Buffer> {
    const answered = await this.ask("GET", path);
    if (answered.status !== 200) throw this.#failure(answered);
    return answered.body;
  }

  async #send(method: string, path: string, body: string | Buffer<ArrayBuffer> | undefined): Promise<Answered> {
    const { url, name, token, fetch, signal } = this.#parts;
    const headers = token === undefined ? {} : { "X-Consul-Token": token };
    try {
      const response = await fetch(new URL(`v1/${path}`, url), {
        method,
        headers,
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]),
        // What is asked for stands where it is asked.
        redirect: "manual",
        body: body ?? null,
      });
      return { status: response.status, body: await collect(response) };
    } catch (error) {
      if (signal.aborted) throw new Failure(EXIT.refused, "interrupted: what was copied so far stays");
      const why = sayWhy(error instanceof Error && error.cause !== undefined ? error.cause : error);
      throw new Failure(EXIT.unreachable, `${name} at ${url} is out of reach: ${why}`);
    }
  }

  #failure({ status, body }: Answered): Failure {
    const { url, name, tokenFlag } = this.#parts;
    const said = body.toString("utf8", 0, 200).trim();
    const hint = status === 401 || status === 403 ? `Give a token with ${tokenFlag}.` : undefined;
    return new Failure(EXIT.refused, `${name} at ${url} answers ${status}: ${said}`, hint);
  }
}

async function collect(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) throw new Error(`its answer has more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** An object in an answer, with its numbers as they are. */
export function fieldsOf(body: Buffer): Outcome<Fields> {
  const decoded = decodeBody(body);
  if (!decoded.ok) return decoded;
  const { value } = decoded;
  return Array.isArray(value)
    ? Fields.of(value[0])
    : value === null
      ? refuse("not-found", "nothing")
      : Fields.of(value);
}

/** How many are asked for at once. */
const ABREAST = 16;

/** Does something with each, some at once, in order. */
export async function each<T>(things: readonly T[], take: (thing: T) => Promise<void>): Promise<void> {
  const rest = things.values();
  const work = async (): Promise<void> => {
    for (const thing of rest) await take(thing);
  };
  await Promise.all(Array.from({ length: ABREAST }, work));
}
