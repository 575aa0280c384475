/** @live Requests to one other server: connections are kept, every wait has an end, redirects are not followed. */
import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { trustedContext } from "../tls/trusted.ts";

/** The longest waits in ms. */
export interface Waits {
  readonly connect: number;
  /** Without another byte. */
  readonly read: number;
  /** For all of an answer, also one that keeps trickling in. */
  readonly whole: number;
}

const WAITS: Waits = { connect: 1000, read: 5000, whole: 60_000 };

const unzip = promisify(gunzip);

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The other server was not reached: why, for people. */
export class Unreached extends Error {
  override readonly name = "Unreached";
  /** It may have got the request, and has too much to do to answer. */
  readonly isLate: boolean;

  constructor(message: string, isLate: boolean) {
    super(message);
    this.isLate = isLate;
  }
}

export interface ClientParts {
  /** Ends in a slash; may hold user and password, which are sent with each request. */
  readonly url: string;
  /** Sent with each request, besides. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly waits?: Partial<Waits>;
  /** The most that are open at once; 4 when left out. */
  readonly connections?: number;
}

export interface Ask {
  readonly method: "GET" | "POST";
  /** Behind the URL, without a slash in front. */
  readonly path: string;
  readonly body?: string;
  readonly answerBytesMax: number;
  readonly signal: AbortSignal;
}

export class HostClient {
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #waits: Waits;

  constructor({ url, headers = {}, waits, connections = 4 }: ClientParts) {
    this.#waits = { ...WAITS, ...waits };
    const base = new URL(url);
    this.#headers = headersOf(base, headers);
    base.username = "";
    base.password = "";
    this.#base = base;
    const options = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections / 2 };
    this.#agent =
      base.protocol === "https:"
        ? new HttpsAgent({ ...options, secureContext: trustedContext() })
        : new HttpAgent(options);
  }

  /** Rejects with `Unreached`. */
  async ask(ask: Ask): Promise<Answered> {
    try {
      return await this.#send(ask);
    } catch (error) {
      // The other side closed a kept connection at that very moment. Every request here may be made twice.
      if (error instanceof Closed) return await this.#send(ask);
      throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send({ method, path, body, answerBytesMax, signal }: Ask): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const url = new URL(path, this.#base);
      const send = url.protocol === "https:" ? requestHttps : requestHttp;
      const headers = body === undefined ? this.#headers : { ...this.#headers, ...contentOf(body) };
      const outgoing = send(url, { method, agent: this.#agent, headers, signal });
      const late = (what: string, isLate: boolean): void => void outgoing.destroy(new Unreached(what, isLate));
      const whole = setTimeout(() => late("its answer does not end", true), this.#waits.whole);
      const connect = setTimeout(() => late("it does not take connections", false), this.#waits.connect);
      const settle = (): void => {
        clearTimeout(whole);
        clearTimeout(connect);
      };
      outgoing.on("socket", (socket) => {
        const done = (): void => clearTimeout(connect);
        if (!socket.connecting) done();
        else socket.once(url.protocol === "https:" ? "secureConnect" : "connect", done);
      });
      outgoing.setTimeout(this.#waits.read, () => late("it does not answer in time", true));
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        settle();
        reject(toUnreached(error, outgoing.reusedSocket));
      });
      outgoing.on("response", (response) => {
        collect(response, answerBytesMax)
          .then(resolve, (error) => {
            outgoing.destroy();
            reject(
              error instanceof Unreached ? error : new Unreached(`its answer cannot be read: ${error.message}`, true),
            );
          })
          .finally(settle);
      });
      outgoing.end(body);
    });
  }
}

function contentOf(body: string): Readonly<Record<string, string | number>> {
  return { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
}

/** A kept connection that was closed before it carried this request's answer. */
class Closed extends Unreached {}

function toUnreached(error: NodeJS.ErrnoException, isReused: boolean): Unreached {
  if (error instanceof Unreached) return error;
  if (isReused && (error.code === "ECONNRESET" || error.code === "EPIPE")) return new Closed("it hung up", false);
  return new Unreached(error.code ?? error.message, false);
}

async function collect(response: IncomingMessage, bytesMax: number): Promise<Answered> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bytesMax) throw new Error(`it is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  const raw = Buffer.concat(chunks, size);
  const isZipped = response.headers["content-encoding"]?.toLowerCase() === "gzip";
  const body = isZipped ? await unzip(raw, { maxOutputLength: bytesMax }) : raw;
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** What goes with each request, with the credentials of the URL. */
function headersOf(url: URL, own: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {
    Accept: "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "rollcall",
    ...own,
  };
  if (url.username !== "" || url.password !== "") {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.Authorization = `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
  }
  return headers;
}
