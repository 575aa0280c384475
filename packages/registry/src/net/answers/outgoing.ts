/**
 * @live Bytes of answers that clients have not taken yet, of the whole process and of each address. Above a limit the
 * connection is cut whose client has taken nothing for longest, of the address that most waits for: who reads loses
 * nothing by those who don't.
 */
import type { Socket } from "node:net";
import { PART_BYTES, type Part, type Parted, toBuffer } from "./parts.ts";
import { inTurn } from "./turns.ts";

export interface OutgoingLimits {
  /** Bytes that may wait for clients to take them. */
  readonly unreadBytesMax: number;
  /** And for the clients of one address. */
  readonly unreadBytesPerAddressMax: number;
}

const MIB = 1024 * 1024;

const LIMITS: OutgoingLimits = { unreadBytesMax: 256 * MIB, unreadBytesPerAddressMax: 64 * MIB };

/** A connection whose client has taken nothing for so long gives way to others. Kernels tell of MBs at a time. */
const STILL_MS = 3000;

interface Unread {
  readonly address: string;
  /** When its client took something last. */
  readonly sinceMs: number;
  bytes: number;
}

export class Outgoing {
  readonly #limits: OutgoingLimits;
  readonly #nowMs: () => number;
  /** The one whose client took something last is the last. */
  readonly #unread = new Map<Socket, Unread>();
  readonly #perAddress = new Map<string, number>();
  /** Sockets that are listened to. */
  readonly #known = new WeakSet<Socket>();
  /** Bytes that wait now. */
  bytes = 0;
  /** Connections that were cut. */
  cuts = 0;

  constructor(limits: Partial<OutgoingLimits> = {}, nowMs = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#limits = { ...LIMITS, ...limits };
  }

  /** To be called after writing: notes what waits in the socket, until it is taken. */
  settle(socket: Socket): void {
    if (socket.writableNeedDrain) this.note(socket, socket.writableLength);
  }

  /** So many bytes wait for the client; 0 when it has taken all. Others may be cut for it, or this one. */
  note(socket: Socket, bytes: number): void {
    const known = this.#unread.get(socket);
    if (bytes === 0 || socket.destroyed) {
      if (known !== undefined) this.#forget(socket, known);
      return;
    }
    const unread = known ?? this.#begin(socket);
    this.#count(unread, bytes - unread.bytes);
    unread.bytes = bytes;
    this.#bound(unread.address);
  }

  /**
   * Whether a long answer that holds so much may begin to this address: there is room for it, or a connection that stands
   * still, or one of an address that more waits for, gives way. Where all of them take what they get, whoever comes last
   * is refused. One answer to an address may be longer than the limit.
   */
  hasRoom(address: string, { heldBytes }: Pick<Parted, "heldBytes">): boolean {
    const { unreadBytesMax, unreadBytesPerAddressMax } = this.#limits;
    const needed = Math.max(heldBytes, PART_BYTES);
    const ofAddress = this.#perAddress.get(address) ?? 0;
    const isFull = ofAddress > 0 && ofAddress + needed > unreadBytesPerAddressMax;
    if (!isFull && this.bytes + needed <= unreadBytesMax) return true;
    if (!isFull && this.#findHeaviest() !== address) return true;
    for (const unread of this.#unread.values())
      if (unread.address === address) return this.#nowMs() - unread.sinceMs > STILL_MS;
    return true;
  }

  #begin(socket: Socket): Unread {
    const unread = { address: socket.remoteAddress ?? "", sinceMs: this.#nowMs(), bytes: 0 };
    this.#unread.set(socket, unread);
    if (!this.#known.has(socket)) {
      this.#known.add(socket);
      // Somebody who was told before may have written, and noted, what comes next.
      socket.on("drain", () => {
        if (socket.writableLength === 0) this.note(socket, 0);
      });
      socket.on("close", () => this.note(socket, 0));
    }
    return unread;
  }

  #forget(socket: Socket, unread: Unread): void {
    this.#unread.delete(socket);
    this.#count(unread, -unread.bytes);
  }

  #count({ address }: Unread, more: number): void {
    this.bytes += more;
    const ofAddress = (this.#perAddress.get(address) ?? 0) + more;
    if (ofAddress > 0) this.#perAddress.set(address, ofAddress);
    else this.#perAddress.delete(address);
  }

  #bound(address: string): void {
    const { unreadBytesMax, unreadBytesPerAddressMax } = this.#limits;
    while ((this.#perAddress.get(address) ?? 0) > unreadBytesPerAddressMax && this.#cutOne(address));
    while (this.bytes > unreadBytesMax && this.#cutOne(this.#findHeaviest()));
  }

  /** The address that most waits for. */
  #findHeaviest(): string {
    let [heaviest, most] = ["", -1];
    for (const [address, bytes] of this.#perAddress) if (bytes > most) [heaviest, most] = [address, bytes];
    return heaviest;
  }

  /** Cuts the connection of the address that has waited longest; false when there is but one, which may go on. */
  #cutOne(address: string): boolean {
    let first: readonly [Socket, Unread] | undefined;
    for (const [socket, unread] of this.#unread) {
      if (unread.address !== address) continue;
      if (first === undefined) {
        first = [socket, unread];
        continue;
      }
      this.#forget(...first);
      this.cuts++;
      first[0].destroy();
      return true;
    }
    return false;
  }
}

/** The connection that parts go to. */
export interface Outlet {
  readonly socket: Socket;
  readonly gone: boolean;
  write(part: Buffer, taken: () => void): void;
  end(): void;
  /** The parts broke off. */
  fail(error: unknown): void;
}

/** Sends the parts, each in a turn of its own, as fast as the client takes them. */
export function pour({ parts, heldBytes }: Parted, outlet: Outlet, outgoing: Outgoing): void {
  let left = heldBytes;
  const step = (): void => {
    if (outlet.gone) {
      parts.return?.();
      return;
    }
    let next: IteratorResult<Part>;
    try {
      next = parts.next();
    } catch (error) {
      return outlet.fail(error);
    }
    if (next.done === true) outlet.end();
    else if (next.value.length === 0) inTurn(step);
    else send(toBuffer(next.value));
  };
  const send = (part: Buffer): void => {
    const { socket } = outlet;
    outgoing.note(socket, Math.max(left, part.length));
    outlet.write(part, () => {
      left = Math.max(0, left - part.length);
      outgoing.note(socket, 0);
      outgoing.note(socket, left);
      inTurn(step);
    });
  };
  step();
}
