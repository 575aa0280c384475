/** @live What is told of this registry beside what it holds: how it is with etcd, and all of it as an archive. */
import type { Archive } from "../../../records/archive.ts";
import type { Client, ClientOptions } from "../client/client.ts";
import type { Keys } from "../keys.ts";
import { toArchive } from "./archive.ts";
import type { Health } from "./health.ts";

export class About {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #health: Health;

  constructor(client: Client, keys: Keys, health: Health) {
    this.#client = client;
    this.#keys = keys;
    this.#health = health;
  }

  /** Why what is shown here is not to be trusted; null while it is. */
  get lagging(): string | null {
    return this.#health.lagging;
  }

  /** All that is in etcd, at one moment. Rejects when that cannot be read. */
  archive(): Promise<Archive> {
    return toArchive(this.#client, this.#keys);
  }

  /** Takes other certificates for connections from now on. */
  renew(secure: ClientOptions["secure"]): void {
    this.#client.renew(secure);
  }
}
