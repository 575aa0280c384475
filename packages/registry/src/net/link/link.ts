/**
 * @live The link between nodes: bytes on named channels, asked or told, over connections that only nodes can make. It
 * knows nothing of registries. Its security is decided in docs/decisions/0013-link.md.
 */
import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { Crowd } from "../crowd.ts";
import { type ListenerLog, SeldomLog } from "../log.ts";
import { listen } from "../tcp.ts";
import { sayWhy } from "../why.ts";
import { ANYBODY, NAME_LENGTH_MAX } from "./hello.ts";
import { Line, type LineLimits, type Traffic } from "./line.ts";
import { type Connect, Peer, type PeerOptions } from "./peer.ts";
import { checkHost, type Secured, secure, type Trust } from "./trust.ts";
import { type Receiver, Visitor } from "./visitor.ts";

export interface LinkLimits extends LineLimits {
  /** Connections that others have made; a stranger's goes first. */
  readonly connectionsMax: number;
  /** Messages of one connection whose receivers are at work; further ones are refused. */
  readonly workMax: number;
}

const LINK_LIMITS: LinkLimits = {
  messageBytesMax: 16 * 1024 * 1024,
  unsentBytesMax: 32 * 1024 * 1024,
  helloMs: 5000,
  silenceMs: 1200,
  connectionsMax: 256,
  workMax: 65_536,
};

export interface LinkOptions {
  /** This node's name: no other node may have it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly trust: Trust;
  readonly log: ListenerLog;
  readonly limits?: Partial<LinkLimits>;
}

export interface Link {
  /** The real port, also when 0 was asked for. */
  readonly port: number;
  /** Names of the nodes that have a connection to this one, one for each connection. */
  readonly visitors: readonly string[];
  /** Since it was opened. */
  readonly traffic: Readonly<Traffic>;
  /** Hands what comes on a channel to its one receiver. */
  on(channel: string, receiver: Receiver): void;
  /** Connects to another node, and stays connected until either is closed. */
  dial(options: PeerOptions): Peer;
  /** Stops listening and cuts all connections. */
  close(): Promise<void>;
}

/** Listens. Rejects with a sentence for people; `PortTaken` when another program has the port. */
export async function openLink(options: LinkOptions): Promise<Link> {
  const { name, trust, log } = options;
  if (name === "" || name.length > NAME_LENGTH_MAX || name === ANYBODY)
    throw new Error(`a node's name has 1 to ${NAME_LENGTH_MAX} characters, and is not "${ANYBODY}"`);
  checkHost(trust, options.host);
  const limits = { ...LINK_LIMITS, ...options.limits };
  const secured = secure(trust);
  const receivers = new Map<string, Receiver>();
  const peers = new Set<Peer>();
  const traffic: Traffic = { in: 0, out: 0 };
  const hall = new Hall(name, limits, receivers, log, secured, traffic);
  const port = await hall.listen(options.host, options.port);
  const connect = connectWith(trust, secured);
  return {
    port,
    traffic,
    get visitors() {
      return hall.visitors;
    },
    on: (channel, receiver) => void receivers.set(channel, receiver),
    dial(peerOptions) {
      const closed = (): void => void peers.delete(peer);
      const peer = new Peer(peerOptions, { own: name, limits, traffic, log, connect, closed });
      peers.add(peer);
      return peer;
    },
    async close() {
      for (const peer of peers) peer.close();
      await hall.close();
    },
  };
}

function connectWith(trust: Trust, secured: Secured | undefined): Connect {
  return (host, port, ready) => {
    checkHost(trust, host);
    const to = { host, port, noDelay: true };
    return secured === undefined ? connectTcp(to, ready) : connectTls({ ...to, ...secured.client }, ready);
  };
}

function sayFailed(error: NodeJS.ErrnoException): string {
  return error.code?.startsWith("ERR_SSL_") ? `it has no key of ours (${error.code})` : sayWhy(error);
}

/** Where others come in. */
class Hall {
  readonly #name: string;
  readonly #limits: LinkLimits;
  readonly #receivers: ReadonlyMap<string, Receiver>;
  readonly #log: ListenerLog;
  readonly #seldom: SeldomLog;
  readonly #server: Server;
  readonly #crowd: Crowd;
  /** Connections that have said hello: no stranger takes their place. */
  readonly #known = new WeakSet<Socket>();
  readonly #lines = new Map<Line, string>();
  readonly #traffic: Traffic;

  constructor(
    name: string,
    limits: LinkLimits,
    receivers: ReadonlyMap<string, Receiver>,
    log: ListenerLog,
    secured: Secured | undefined,
    traffic: Traffic,
  ) {
    this.#name = name;
    this.#traffic = traffic;
    this.#limits = limits;
    this.#receivers = receivers;
    this.#log = log;
    this.#seldom = new SeldomLog(log);
    this.#crowd = new Crowd({ connectionsMax: limits.connectionsMax, connectionsPerAddressMax: 0 });
    const noDelay = true;
    if (secured === undefined) {
      this.#server = createServer({ noDelay });
      this.#server.on("connection", (socket: Socket) => this.#letIn(socket) && this.#greet(socket, socket));
    } else {
      this.#server = createTlsServer({ ...secured.server, noDelay, handshakeTimeout: limits.helloMs });
      this.#server.on("connection", (socket: Socket) => this.#letIn(socket));
      this.#server.on("secureConnection", (socket: TLSSocket & { _parent?: Socket }) =>
        this.#greet(socket, socket._parent ?? socket),
      );
      this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: Socket) =>
        this.#refused(socket.remoteAddress, sayFailed(error)),
      );
    }
  }

  get visitors(): readonly string[] {
    return [...this.#lines.values()].filter((name) => name !== "");
  }

  listen(host: string, port: number): Promise<number> {
    return listen(this.#server, { host, port, log: this.#log });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const line of this.#lines.keys()) line.close("this side closed the connection");
    for (const socket of this.#crowd.sockets) socket.destroy();
    await closed;
  }

  #letIn(socket: Socket): boolean {
    // An error without a listener would end the process; the close that follows it tells all we need.
    socket.on("error", () => {});
    const place = this.#crowd.enter(socket, () => (this.#known.has(socket) ? "working" : "idle"));
    if (!place.ok) socket.destroy();
    return place.ok;
  }

  /** `bare`: the socket that was let in, below TLS. */
  #greet(socket: Socket, bare: Socket): void {
    const { remoteAddress } = socket;
    let visitor: Visitor | undefined;
    const line = new Line(socket, this.#name, this.#limits, this.#traffic, {
      joined: ({ from }) => {
        visitor = new Visitor(line, from, this.#receivers, this.#limits.workMax, this.#log);
        this.#known.add(bare);
        this.#lines.set(line, from);
      },
      frame: (kind, channel, number, payload) => visitor?.take(kind, channel, number, payload),
      tick: () => {},
      closed: (why, wasJoined) => {
        const from = this.#lines.get(line);
        this.#lines.delete(line);
        if (wasJoined) this.#log.debug({ remoteAddress }, `a connection of node "${from}" ended: ${why}`);
        else this.#refused(remoteAddress, why);
      },
    });
    this.#lines.set(line, "");
  }

  #refused(address: string | undefined, why: string): void {
    this.#seldom.warn(address, `a connection to the link's port was refused: ${why}`);
  }
}
