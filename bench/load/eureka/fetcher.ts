/** A client of a Eureka server that fetches one answer after the other, and what is looked for in them. */
import { findMedian } from "../../statistics.ts";
import { type Answer, connectHttp1, type Http1Connection } from "../clients/http1.ts";
import { toEurekaInstance } from "./instances.ts";

export type ViewName = "full" | "delta";

/** Finds an instance in an answer: the text of it up to the next one, undefined when it is not there. */
export function findInstance(body: Buffer, number: number): string | undefined {
  const at = body.indexOf(`"instanceId":"${toEurekaInstance(number).id}"`);
  if (at < 0) return undefined;
  const end = body.indexOf('"instanceId":"', at + 1);
  return body.toString("latin1", at, end < 0 ? body.length : end);
}

/** Whether a delta says that the instance is gone. */
export function isDeleted(instance: string | undefined): boolean {
  return instance?.includes('"actionType":"DELETED"') ?? false;
}

/** Called for every answer, with the times of its request and of its arrival. */
type OnFetch = (answer: Answer, askedAt: number, cameAt: number) => void;

export class Fetcher {
  readonly #line: Http1Connection;
  readonly #request: Buffer;
  readonly #onFetch: OnFetch;
  readonly #tookMs: number[] = [];
  #stopped = false;
  #bytes = 0;
  /** Settles when it has stopped; fails when an answer is not a 200. */
  readonly done: Promise<void>;

  private constructor(line: Http1Connection, request: Buffer, onFetch: OnFetch) {
    this.#line = line;
    this.#request = request;
    this.#onFetch = onFetch;
    this.done = this.#run();
  }

  static async start(port: number, request: Buffer, onFetch: OnFetch): Promise<Fetcher> {
    return new Fetcher(await connectHttp1(port), request, onFetch);
  }

  get fetches(): number {
    return this.#tookMs.length;
  }

  get fetchMs(): number {
    return findMedian(this.#tookMs);
  }

  /** The length of the last answer. */
  get bytes(): number {
    return this.#bytes;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.done;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped) {
        const askedAt = performance.now();
        const answer = await this.#line.ask(this.#request);
        const cameAt = performance.now();
        if (answer.status !== 200) throw new Error(`a fetch was answered with ${answer.status}`);
        this.#tookMs.push(cameAt - askedAt);
        this.#bytes = answer.body.length;
        this.#onFetch(answer, askedAt, cameAt);
      }
    } finally {
      this.#line.close();
    }
  }
}
