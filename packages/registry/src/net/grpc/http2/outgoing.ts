/** @live What goes to a client: all of one turn in one piece, and who wants to know that it is out. */
import type { Socket } from "node:net";

/** Pieces that are longer together are not joined. */
const JOINED_BYTES_MAX = 64 * 1024;

export class Outgoing {
  readonly #socket: Socket;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #after: (() => void)[] = [];
  #isPlanned = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    this.#plan();
  }

  /** Calls when all that was sent before is out, or lost. */
  afterwards(call: () => void): void {
    this.#after.push(call);
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    process.nextTick(() => this.flush());
  }

  flush(): void {
    this.#isPlanned = false;
    const [pieces, bytes, after] = [this.#pieces, this.#bytes, this.#after];
    [this.#pieces, this.#bytes, this.#after] = [[], 0, []];
    const sent = (): void => {
      for (const call of after) call();
    };
    const socket = this.#socket;
    const [first] = pieces;
    if (first === undefined || socket.destroyed || socket.writableEnded) return sent();
    if (pieces.length === 1 || bytes <= JOINED_BYTES_MAX) {
      socket.write(pieces.length === 1 ? first : Buffer.concat(pieces, bytes), sent);
      return;
    }
    socket.cork();
    for (const [nth, piece] of pieces.entries()) socket.write(piece, nth === pieces.length - 1 ? sent : undefined);
    socket.uncork();
  }
}
