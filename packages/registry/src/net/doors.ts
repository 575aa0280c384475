/** Ports that a dialect opens for itself. The house fills in host, port, limits, TLS and metrics. */

import type { Http2Options } from "./grpc/sessions.ts";
import type { HttpListener } from "./http/handler.ts";
import type { StreamHandler, TcpLimits, TcpListener } from "./tcp.ts";
import type { DatagramHandler } from "./udp/datagrams.ts";
import type { UdpListener } from "./udp/listener.ts";

/**
 * Opens the ports that the dialect declared, each by its name. A port that cannot be had rejects with `PortTaken`;
 * the dialect lets it pass, and the house decides whether the start fails. The house lists what is open, and closes it
 * at the stop: after `Mounted.drain`, before `Mounted.close`.
 */
export interface Doors {
  readonly host: string;
  /** Like the native listener, with the same limits, TLS and refusals. `http2`: who answers what comes by HTTP/2 on it. */
  http(name: string, http2?: Omit<Http2Options, "dialect">): Promise<HttpListener>;
  tcp(name: string, handler: StreamHandler, limits?: Partial<TcpLimits>): Promise<TcpListener>;
  udp(name: string, handler: DatagramHandler): Promise<UdpListener>;
  /** Both on one number, also when that is 0 and a free one must be found. */
  tcpAndUdp(
    name: string,
    onStream: StreamHandler,
    onDatagram: DatagramHandler,
    limits?: Partial<TcpLimits>,
  ): Promise<{ readonly tcp: TcpListener; readonly udp: UdpListener }>;
}
