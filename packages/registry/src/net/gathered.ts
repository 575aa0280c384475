/** Bytes that come in pieces, as one piece: to add some costs as much as they are, however small the pieces come. */

const NOTHING = Buffer.alloc(0);

export class Gathered {
  #buffer: Buffer = NOTHING;
  #from = 0;
  #to = 0;
  /** What lies behind the end is nobody else's. */
  #isOwn = false;

  get length(): number {
    return this.#to - this.#from;
  }

  /** All that is there. What is taken of it stays as it is. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#from, this.#to);
  }

  push(piece: Buffer): void {
    if (this.length === 0) {
      this.#buffer = piece;
      this.#from = 0;
      this.#to = piece.length;
      this.#isOwn = false;
      return;
    }
    if (!this.#isOwn || this.#to + piece.length > this.#buffer.length) this.#move(2 * (this.length + piece.length));
    piece.copy(this.#buffer, this.#to);
    this.#to += piece.length;
  }

  /** To another place with room behind it: somebody may still read in the one before. */
  #move(size: number): void {
    const buffer = Buffer.allocUnsafeSlow(size);
    this.#buffer.copy(buffer, 0, this.#from, this.#to);
    this.#to = this.length;
    this.#from = 0;
    this.#buffer = buffer;
    this.#isOwn = true;
  }

  /** The first bytes are not needed any more. */
  drop(length: number): void {
    this.#from += length;
    if (this.#from < this.#to) return;
    this.#buffer = NOTHING;
    this.#from = 0;
    this.#to = 0;
  }
}
