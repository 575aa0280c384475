/** @live Docker's Engine API (docs.docker.com, 1.24 and later) over its unix socket: as much as is needed. */
import { type IncomingMessage, request } from "node:http";
import type { Container } from "./containers.ts";

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const LINE_LENGTH_MAX = 1024 * 1024;
const NOT_FOUND = 404;

export interface Event {
  readonly Action?: string;
  readonly status?: string;
  readonly id?: string;
  readonly Actor?: { readonly ID?: string };
}

export class Engine {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** The ids of those that run. */
  async running(signal: AbortSignal): Promise<readonly string[]> {
    const list = (await this.#json("/containers/json", signal)) as readonly { readonly Id?: unknown }[] | undefined;
    if (!Array.isArray(list)) throw new Error("it lists no containers");
    return list.flatMap(({ Id }) => (typeof Id === "string" ? [Id] : []));
  }

  /** Undefined when it is gone. */
  async container(id: string, signal: AbortSignal): Promise<Container | undefined> {
    return (await this.#json(`/containers/${encodeURIComponent(id)}/json`, signal)) as Container | undefined;
  }

  /** Resolves with the events of containers from now on; those end when the engine goes. */
  async events(signal: AbortSignal): Promise<AsyncIterable<Event>> {
    const filters = encodeURIComponent(JSON.stringify({ type: ["container"] }));
    const response = await this.#ask(`/events?filters=${filters}`, signal, true);
    if (response.statusCode !== 200) throw new Error(`it answers ${response.statusCode} when asked for events`);
    return readEvents(response);
  }

  async #json(path: string, signal: AbortSignal): Promise<unknown> {
    const response = await this.#ask(path, signal, false);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > ANSWER_BYTES_MAX) throw new Error("its answer does not end");
      chunks.push(chunk);
    }
    if (response.statusCode === NOT_FOUND) return undefined;
    if (response.statusCode !== 200) throw new Error(`it answers ${response.statusCode} when asked for ${path}`);
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  }

  #ask(path: string, signal: AbortSignal, isStream: boolean): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        socketPath: this.#socketPath,
        path,
        headers: { Host: "docker" },
        signal,
        agent: false,
      });
      outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error(`it did not answer within ${TIMEOUT_MS} ms`)));
      outgoing.on("error", reject);
      outgoing.on("response", (response) => {
        // Hours may pass between two events.
        if (isStream) outgoing.setTimeout(0);
        resolve(response);
      });
      outgoing.end();
    });
  }
}

/** One JSON object a line. Throws when the connection breaks. */
async function* readEvents(response: IncomingMessage): AsyncGenerator<Event, void> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_LENGTH_MAX) throw new Error("an event does not end");
    for (const line of lines) {
      const event = parse(line);
      if (event !== undefined) yield event;
    }
  }
}

/** Undefined for what is none. */
function parse(line: string): Event | undefined {
  try {
    const event: unknown = JSON.parse(line);
    return typeof event === "object" && event !== null ? event : undefined;
  } catch {
    return undefined;
  }
}
