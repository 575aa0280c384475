/** A stand-in for Docker's Engine: as much of its API as the agent asks for, over a real unix socket. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Container } from "../../packages/registry/src/smartstack/docker/containers.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";

export class Engine {
  readonly socketPath: string;
  readonly asked: string[] = [];
  readonly #containers = new Map<string, Container>();
  readonly #listeners = new Set<ServerResponse>();
  #server: Server | undefined;

  constructor(scope: Scope) {
    this.socketPath = join(temporaryDirectory(scope, "engine"), "docker.sock");
    scope.after(() => this.stop());
  }

  async start(): Promise<void> {
    this.#server = createServer((request, response) => this.#answer(request.url ?? "", response));
    this.#server.listen(this.socketPath);
    await once(this.#server, "listening");
  }

  /** All connections end, as when the daemon is restarted. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
    this.#listeners.clear();
  }

  /** Puts a container there, and tells of it by this event. */
  set(container: Container & { readonly Id: string }, action: string): void {
    this.#containers.set(container.Id, container);
    this.tell(container.Id, action);
  }

  remove(id: string, action = "die"): void {
    this.#containers.delete(id);
    this.tell(id, action);
  }

  /** An event as the Engine has it, with the fields of old versions beside those of new ones. */
  tell(id: string, action: string): void {
    const event = { status: action, id, Type: "container", Action: action, Actor: { ID: id, Attributes: {} }, time: 0 };
    for (const listener of this.#listeners) listener.write(`${JSON.stringify(event)}\n`);
  }

  #answer(url: string, response: ServerResponse): void {
    this.asked.push(url);
    response.setHeader("Content-Type", "application/json");
    if (url.startsWith("/events?")) {
      response.flushHeaders();
      this.#listeners.add(response);
      response.on("close", () => this.#listeners.delete(response));
    } else if (url === "/containers/json") {
      const running = [...this.#containers.values()].filter(({ State }) => State?.Running === true);
      response.end(JSON.stringify(running.map(({ Id, Name }) => ({ Id, Names: [Name] }))));
    } else {
      const container = this.#containers.get(/^\/containers\/([^/]+)\/json$/.exec(url)?.[1] ?? "");
      response.statusCode = container === undefined ? 404 : 200;
      response.end(JSON.stringify(container ?? { message: "No such container" }));
    }
  }
}

/** A container as `inspect` shows it: one port of it published at this machine's. */
export function containerOf(id: string, port: number, env: readonly string[] = [], more: Partial<Container> = {}) {
  return {
    ...{ Id: id, Name: `/${id}-name`, State: { Running: true } },
    Config: { Image: "team/web:1", Env: env, Labels: {}, ExposedPorts: { "80/tcp": {} } },
    NetworkSettings: { IPAddress: "172.17.0.2", Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: String(port) }] } },
    ...more,
  };
}
