/** Places on loopback, with a relay for each way from one to another: what is cut is taken and kept, until it is mended. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Scope } from "../../harness/scope.ts";
import type { Ground, Place } from "./ground.ts";

const HOST = "127.0.0.1";
const SLOW_MS = 60;

interface Way {
  readonly from: string;
  readonly to: string;
  isCut: boolean;
  delayMs: number;
  /** To be called when it is mended. */
  readonly waiting: Set<() => void>;
}

class Relays implements Ground {
  readonly kind = "relays";
  readonly slowness = `${SLOW_MS} ms more each way`;
  readonly #scope: Scope;
  readonly #ways = new Map<string, Way>();

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  async place(name: string): Promise<Place> {
    return { name, address: HOST, prefix: [] };
  }

  #way(from: string, to: string): Way {
    const key = `${from} ${to}`;
    const way = this.#ways.get(key) ?? { from, to, isCut: false, delayMs: 0, waiting: new Set() };
    this.#ways.set(key, way);
    return way;
  }

  async way(from: Place, to: Place, port: number): Promise<{ host: string; port: number }> {
    const sockets = new Set<Socket>();
    const there = this.#way(from.name, to.name);
    const back = this.#way(to.name, from.name);
    const server = createServer((near) => {
      const far = connect(port, HOST);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.setNoDelay();
        socket.on("error", () => {}).on("close", () => sockets.delete(socket));
      }
      pass(near, far, there);
      pass(far, near, back);
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    this.#scope.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return { host: HOST, port: (server.address() as AddressInfo).port };
  }

  async cut(from: Place, to: Place): Promise<void> {
    this.#way(from.name, to.name).isCut = true;
  }

  async slow({ name }: Place): Promise<void> {
    for (const way of this.#ways.values()) if (way.from === name) way.delayMs = SLOW_MS;
  }

  async mend(): Promise<void> {
    for (const way of this.#ways.values()) {
      way.isCut = false;
      way.delayMs = 0;
      for (const go of way.waiting) go();
      way.waiting.clear();
    }
  }
}

/** In order; a piece waits while the way is cut, and so does the end. */
function pass(from: Socket, to: Socket, way: Way): void {
  let last = Promise.resolve();
  const inTurn = (act: () => void): void => {
    last = last.then(async () => {
      if (way.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, way.delayMs));
      while (way.isCut) await new Promise<void>((resolve) => way.waiting.add(resolve));
      act();
    });
  };
  from.on("data", (bytes: Buffer) =>
    inTurn(() => {
      if (!to.writable) return;
      if (!to.write(bytes)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
    }),
  );
  from.on("close", () => inTurn(() => void to.destroy()));
}

export async function openRelays(scope: Scope): Promise<Ground> {
  return new Relays(scope);
}
