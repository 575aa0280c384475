/** Opens the ports of one dialect, with the limits of the house, and keeps account of them. */
import type { Logger } from "pino";
import type { Endpoint } from "../../dialects/contract.ts";
import type { Outgoing } from "../../net/answers/outgoing.ts";
import type { Doors } from "../../net/doors.ts";
import type { Http2Options } from "../../net/grpc/sessions.ts";
import { PortTaken } from "../../net/hosts/taken.ts";
import type { OpenHttpListener } from "../../net/http/listener.ts";
import { openTcpListener, type TcpListener, type TcpOptions } from "../../net/tcp.ts";
import { openUdpListener, type UdpListener } from "../../net/udp/listener.ts";
import type { ListedDialect } from "../dialects.ts";

/** Doors of one dialect, as the house sees them. */
export interface OpenDoors extends Doors {
  /** What listens, in the order it was opened. */
  readonly endpoints: readonly Endpoint[];
  /** Idle connections end; what is under way is answered. */
  drain(): void;
  closeAll(): Promise<void>;
}

export interface DoorParts {
  readonly host: string;
  /** The configured port of each name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly log: Logger;
  readonly outgoing: Outgoing;
  /** Like the native listener, on another port. */
  openHttp(port: number, http2?: Http2Options): Promise<OpenHttpListener>;
}

/** Attempts to find a number that is free for both TCP and UDP. */
const PAIR_TRIES_MAX = 20;

type Closable = { close(): Promise<void>; drain?(): void };

export function createDoors(dialect: ListedDialect, parts: DoorParts): OpenDoors {
  const { host, log } = parts;
  const endpoints: Endpoint[] = [];
  const open: Closable[] = [];
  const portOf = (name: string): number => {
    const declared = dialect.ports.find((port) => port.name === name);
    if (declared === undefined) throw new Error(`${dialect.name} declares no port ${name}`);
    return parts.ports[name] ?? declared.port;
  };
  const keep = <T extends Closable & { readonly port: number }>(listener: T, scheme: string): T => {
    open.push(listener);
    endpoints.push({ dialect: dialect.name, scheme, host, port: listener.port });
    return listener;
  };
  return {
    host,
    endpoints,
    async http(name, http2) {
      const listener = await parts.openHttp(portOf(name), http2 && { ...http2, dialect: dialect.name });
      return keep(listener, listener.secure ? "https" : "http");
    },
    async tcp(name, handler, limits) {
      return keep(await openTcpListener(tcpOptions(parts, portOf(name), limits), handler), "tcp");
    },
    async udp(name, handler) {
      return keep(await openUdpListener({ host, port: portOf(name), log }, handler), "udp");
    },
    async tcpAndUdp(name, onStream, onDatagram, limits) {
      const pair = await openPair(portOf(name), {
        tcp: (port) => openTcpListener(tcpOptions(parts, port, limits), onStream),
        udp: (port) => openUdpListener({ host, port, log }, onDatagram),
      });
      return { udp: keep(pair.udp, "udp"), tcp: keep(pair.tcp, "tcp") };
    },
    drain() {
      for (const listener of open) listener.drain?.();
    },
    async closeAll() {
      await Promise.all(open.splice(0).map((listener) => listener.close()));
    },
  };
}

function tcpOptions({ host, log, outgoing }: DoorParts, port: number, limits: TcpOptions["limits"]): TcpOptions {
  return { host, port, log, outgoing, ...(limits === undefined ? {} : { limits }) };
}

interface PairMakers {
  tcp(port: number): Promise<TcpListener>;
  udp(port: number): Promise<UdpListener>;
}

/** TCP gets a free number first; if another program has that number for UDP, both try again. */
async function openPair(port: number, make: PairMakers): Promise<{ tcp: TcpListener; udp: UdpListener }> {
  for (let tries = 1; ; tries++) {
    const tcp = await make.tcp(port);
    try {
      return { tcp, udp: await make.udp(tcp.port) };
    } catch (error) {
      await tcp.close();
      if (port !== 0 || tries === PAIR_TRIES_MAX || !(error instanceof PortTaken)) throw error;
    }
  }
}
