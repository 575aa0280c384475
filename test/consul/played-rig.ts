/** A Consul that is played: what tests of the mirror have it show. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Services = Record<string, readonly object[]>;

/** As `health/service` lists it: on a node of its own, with the check that every agent has. */
export function entry(name: string, nth: number, serf = "passing", own = "passing") {
  const [node, id] = [`n${nth}`, `${name}-${nth}`];
  return {
    Node: {
      ID: "",
      Node: node,
      Address: `10.0.0.${nth}`,
      Datacenter: "dc1",
      TaggedAddresses: null,
      Meta: { rack: "r1" },
    },
    Service: { ID: id, Service: name, Tags: ["v1"], Address: "", Meta: null, Port: 8080, Weights: { Passing: 7 } },
    Checks: [
      { Node: node, CheckID: "serfHealth", Name: "Serf", Status: serf, Output: "", ServiceID: "", ServiceName: "" },
      { Node: node, CheckID: `service:${id}`, Name: "c", Status: own, Output: "o", ServiceID: id, ServiceName: name },
    ],
  };
}

export class PlayedConsul {
  services: Services = {};
  asked = 0;
  #index = 10;
  #server: Server | undefined;
  #port = 0;
  readonly #waiting = new Set<() => void>();

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  async open(index: number): Promise<void> {
    this.#index = index;
    const server = createServer((incoming, response) => void this.#answer(incoming, response));
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  set(services: Services): void {
    this.services = { ...this.services, ...services };
    this.#index++;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async #answer({ url }: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked++;
    const { pathname, searchParams } = new URL(url ?? "/", "http://x");
    if (Number(searchParams.get("index")) >= this.#index)
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    const name = /^\/v1\/health\/service\/(.*)$/.exec(pathname)?.[1];
    const there = Object.entries(this.services).filter(([, all]) => all.length > 0);
    const names = Object.fromEntries([["consul", []], ...there.map(([one]) => [one, []])]);
    response.setHeader("X-Consul-Index", this.#index);
    response.end(JSON.stringify(name === undefined ? names : (this.services[decodeURIComponent(name)] ?? [])));
  }
}
