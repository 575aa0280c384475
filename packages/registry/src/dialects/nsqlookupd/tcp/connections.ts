/**
 * @live All connections of this node. Each has a lease that this node renews while the connection lasts, and ends with it:
 * so a node that dies takes its producers along one ttl later, wherever their leases are kept then. A node that stops in
 * order leaves them that long: who connects again within it was never gone.
 */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import { byPlan, type Clock, type LeaseId, type Outcome, ok, type Registry, refuse } from "../../../core/index.ts";
import type { StreamLine, StreamTalk } from "../../../net/tcp.ts";
import { MARK, toIdentify } from "../changes.ts";
import { leaseOf, toSource, VIA } from "../producers.ts";
import { isTrusted, type Settings } from "../settings.ts";
import type { Peer } from "../wire/peer.ts";
import { Connection, type Host } from "./connection.ts";

const TTL_MS = 30_000;
const RENEW_MS = 5000;

const NODE = "nsqlookupd.node";
const ADDRESS = "nsqlookupd.address";

export interface ConnectionsParts {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Settings;
  /** Whether nobody needs a token. */
  isOpen(): boolean;
  /** This node's name. */
  readonly own: string;
  readonly hostname: string;
  readonly version: string;
}

interface Ports {
  readonly tcp: number;
  readonly http: number;
}

export class Connections implements Host {
  readonly parts: ConnectionsParts;
  readonly #open = new Map<string, Connection>();
  /** A word that no other process has. */
  readonly #term = randomBytes(4).toString("hex");
  /** Leases of this node's connections in an earlier life, by the address of the nsqd. */
  readonly #orphans = new Map<string, LeaseId[]>();
  readonly #timer: NodeJS.Timeout;
  #count = 0;
  #isClosing = false;
  #ports: Ports = { tcp: 0, http: 0 };
  /** Who comes earlier waits: an nsqd is told of both ports. */
  readonly #isOpened: Promise<void>;
  #goOn = (): void => {};

  constructor(parts: ConnectionsParts) {
    this.parts = parts;
    const { registry, settings, own } = parts;
    registry.read((view) => {
      for (const { id, via, meta } of view.account(settings.account)?.leases() ?? []) {
        if (via !== VIA || meta[NODE] !== own) continue;
        const address = meta[ADDRESS] ?? "";
        this.#orphans.set(address, [...(this.#orphans.get(address) ?? []), id]);
      }
    });
    this.#isOpened = new Promise((resolve) => {
      this.#goOn = resolve;
    });
    this.#timer = setInterval(() => void this.#renew(), Math.min(RENEW_MS, settings.inactiveMs / 4)).unref();
  }

  /** Both ports are open. */
  opened(ports: Ports): void {
    this.#ports = ports;
    this.#goOn();
  }

  serve(socket: Socket, line: StreamLine): StreamTalk {
    return new Connection(socket, line, this);
  }

  /** From here on the ends of connections are those of this process. */
  close(): void {
    this.#isClosing = true;
    clearInterval(this.#timer);
  }

  heardAtMs(id: string): number | undefined {
    const { clock } = this.parts;
    const connection = this.#open.get(id);
    return connection === undefined ? undefined : clock.now() - (clock.monotonic() - connection.heardMs);
  }

  /** What an nsqd is told: it asks for channels at this address. */
  toWelcome(localAddress: string): Readonly<Record<string, string | number>> {
    const { settings, hostname, version } = this.parts;
    return {
      broadcast_address: settings.broadcastAddress ?? localAddress,
      hostname,
      http_port: this.#ports.http,
      tcp_port: this.#ports.tcp,
      version,
    };
  }

  async begin(connection: Connection, peer: Peer, address: string): Promise<Outcome<true>> {
    const { registry, clock, settings, own, isOpen } = this.parts;
    if (!isOpen() && !isTrusted(settings, address))
      return refuse("forbidden", "this address is not trusted (nsqlookupd.trusted)");
    const tag = `${this.#term}${(++this.#count).toString(36)}`;
    const source = toSource(peer, tag, leaseOf(own, tag));
    const at = `${peer.broadcastAddress}:${peer.tcpPort}`;
    const command = toIdentify(source, TTL_MS, { [NODE]: own, [ADDRESS]: at });
    await this.#isOpened;
    const outcome = await registry.propose(settings.account, command);
    if (!outcome.ok) return outcome;
    if (connection.isGone) {
      void this.#end(source.lease);
      return refuse("unavailable", "the connection has ended");
    }
    connection.source = source;
    connection.heardMs = clock.monotonic();
    this.#open.set(source.id, connection);
    for (const lease of this.#orphans.get(at) ?? []) void this.#end(lease);
    this.#orphans.delete(at);
    return ok(true);
  }

  ended({ source }: Connection): void {
    if (source === undefined) return;
    this.#open.delete(source.id);
    if (!this.#isClosing) void this.#end(source.lease);
  }

  /** Shows what a connection registered, or shows it no more. */
  async mark(connection: Connection, isActive: boolean): Promise<Outcome<unknown>> {
    const { registry, settings } = this.parts;
    const { source } = connection;
    if (source === undefined) return ok(true);
    const outcome = await registry.propose(settings.account, byPlan(MARK, { lease: source.lease, isActive }));
    if (outcome.ok) connection.isHidden = !isActive;
    return outcome;
  }

  /** One that cannot be ended now ends by itself: nobody renews it any more. */
  async #end(lease: LeaseId): Promise<void> {
    const { registry, settings, log } = this.parts;
    const outcome = await registry.propose(settings.account, { kind: "end", lease, cause: "closed" });
    if (!outcome.ok && outcome.refusal !== "not-found")
      log.warn({ lease, why: outcome.detail }, "the end of a connection could not be stored; its lease lapses");
  }

  async #renew(): Promise<void> {
    const { registry, settings, clock } = this.parts;
    const all = [...this.#open.values()];
    const leases = all.map(({ source }) => source?.lease ?? "");
    const ttls = leases.length === 0 ? [] : await registry.renewMany(settings.account, leases);
    const hidden: Promise<unknown>[] = [];
    for (const [at, connection] of all.entries()) {
      const isSilent = clock.monotonic() - connection.heardMs > settings.inactiveMs;
      if (ttls[at] === 0) connection.cut();
      else if (isSilent && !connection.isHidden) hidden.push(this.mark(connection, false));
    }
    await Promise.all(hidden);
  }
}
