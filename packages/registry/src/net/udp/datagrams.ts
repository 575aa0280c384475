/** @live One UDP socket: a handler per packet, answers without a queue of our own. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { explainListen } from "../hosts/taken.ts";

/**
 * Takes one packet. The bytes are the handler's to keep. It may answer at once or later, through `socket.send`. What it
 * throws is logged, and the packet has no answer.
 */
export type DatagramHandler = (packet: Buffer, from: RemoteInfo, socket: UdpSocket) => void;

/** The socket that a packet came to: what it sends leaves from the address that the packet was sent to. */
export interface UdpSocket {
  readonly port: number;
  /**
   * Sends one packet; an error is dropped, as the network might have dropped the packet. True when its bytes may be
   * written to again: the kernel has them. False while they wait here for the kernel to take them.
   */
  send(packet: Uint8Array, port: number, address: string): boolean;
}

export interface BoundSocket extends UdpSocket {
  close(): Promise<void>;
}

/** The kernel keeps so much for us while we are busy; more is lost. The system's own maximum may be lower. */
const RECEIVE_BYTES = 4 * 1024 * 1024;

/** What may wait here for a network that takes nothing; more is dropped. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Addresses are never looked up: all we send to are numbers. `dns.lookup` would cost each packet a turn of the loop.
 * Of what is handed over here the socket takes the address alone.
 */
function lookup(address: string, family: unknown, done: (error: null, address: string, family: unknown) => void): void {
  done(null, address, family);
}

/** `host` is an address. Rejects with a sentence for people; `PortTaken` when another program has the port. */
export async function bindSocket(
  { host, port, log }: { host: string; port: number; log: { error(fields: object, message: string): void } },
  handler: DatagramHandler,
): Promise<BoundSocket> {
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", lookup } as Parameters<typeof createSocket>[0]);
  await bind(socket, host, port);
  growBuffer(socket);
  let closed: Promise<void> | undefined;
  const send = toSend(socket);
  const bound: BoundSocket = {
    port: socket.address().port,
    send: (packet, toPort, address) => closed !== undefined || send(packet, toPort, address),
    close() {
      closed ??= new Promise((resolve) => socket.close(() => resolve()));
      return closed;
    },
  };
  socket.on("message", (packet, from) => {
    try {
      handler(packet, from, bound);
    } catch (error) {
      log.error({ err: error }, "a datagram's handler failed");
    }
  });
  return bound;
}

function toSend(socket: Socket): UdpSocket["send"] {
  let waiting = 0;
  return (packet, port, address) => {
    // Port 0 is nobody's; node would throw.
    if (port === 0) return true;
    if (waiting > 0 && socket.getSendQueueSize() > UNSENT_BYTES_MAX) return true;
    // Without a callback node tries the kernel at once, and puts what it does not take into a queue.
    socket.send(packet, port, address);
    waiting = socket.getSendQueueCount();
    return waiting === 0;
  };
}

function bind(socket: Socket, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      socket.close();
      reject(explainListen(error, host, port));
    };
    socket.once("error", failed);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.off("error", failed);
      // Answers to those who left come back as errors of the socket: nothing to be done about them.
      socket.on("error", () => {});
      resolve();
    });
  });
}

function growBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BYTES);
  } catch {
    // The system's own size then.
  }
}
