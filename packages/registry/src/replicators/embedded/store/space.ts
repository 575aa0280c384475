/**
 * @live Room on the disk, taken before it is needed. The store's file always ends well beyond the last page in use, in blocks
 * that are written already: a full disk is then met here, as an ordinary refusal, and never in the middle of one of the
 * library's transactions. It also makes flushing cheaper, since the file's size and extents stay as they are.
 */
import { closeSync, fdatasync, fstatSync, openSync, readSync, write } from "node:fs";
import { promisify } from "node:util";
import { PAGE_BYTES } from "../file/pages.ts";

const writeAsync = promisify(write);
const flushAsync = promisify(fdatasync);

/** What a transaction may need beyond its values: new inner pages, and the list of free pages. */
const MARGIN_PAGES = 256;
const CHUNK_BYTES = 4 * 1024 * 1024;
const ZEROS = Buffer.alloc(1024 * 1024);

/** Pages that this many bytes take, and those that are copied to reach them. */
export function pagesFor(valueBytes: number): number {
  return Math.ceil((valueBytes + 32) / PAGE_BYTES) + 2;
}

export class Space {
  readonly #fd: number;
  readonly #head = Buffer.alloc(16);
  #pages: number;
  /** The last page in use is not beyond this one. */
  #lastPage = 0;
  #growing: Promise<void> | null = null;

  constructor(path: string) {
    // Appending only: these zeros can never land on a page that the library wrote.
    this.#fd = openSync(path, "a+", 0o600);
    this.#pages = this.#filePages();
    this.#lastPage = this.#readLastPage();
  }

  /** Resolves when a transaction of so many pages has its room. Rejects with the file system's error. */
  async reserve(pages: number): Promise<void> {
    const needed = pages + MARGIN_PAGES;
    if (this.#spare < needed) {
      await this.#growing;
      this.#lastPage = this.#readLastPage();
      if (this.#spare < needed) await this.#grow(needed);
    }
    this.#lastPage += pages;
    if (this.#spare < MARGIN_PAGES * 2) this.#lookAhead(pages);
  }

  async close(): Promise<void> {
    await this.#growing;
    closeSync(this.#fd);
  }

  get #spare(): number {
    return this.#pages - 1 - this.#lastPage;
  }

  #filePages(): number {
    return Math.floor(fstatSync(this.#fd).size / PAGE_BYTES);
  }

  /** From the newer of the two head pages: the last page and the transaction that wrote it. */
  #readLastPage(): number {
    let [lastPage, newest] = [0, -1];
    for (const page of [0, 1]) {
      readSync(this.#fd, this.#head, 0, 16, page * PAGE_BYTES + 144);
      const txnId = Number(this.#head.readBigUInt64LE(8));
      if (txnId > newest) [lastPage, newest] = [Number(this.#head.readBigUInt64LE(0)), txnId];
    }
    return lastPage;
  }

  /** Takes room before a writer has to wait for it. A failure is told to the writer that then needs the room. */
  #lookAhead(pages: number): void {
    if (this.#growing !== null) return;
    // Most transactions take fewer pages than they reserved, and many take free pages only.
    this.#lastPage = this.#readLastPage() + pages;
    if (this.#spare >= MARGIN_PAGES * 2) return;
    this.#growing = this.#append(CHUNK_BYTES)
      .catch(() => {})
      .finally(() => {
        this.#growing = null;
      });
  }

  async #grow(needed: number): Promise<void> {
    try {
      await this.#append(Math.max((needed - this.#spare) * PAGE_BYTES, CHUNK_BYTES));
    } catch (error) {
      // The last room of the disk is taken, and may be enough for this writer.
      if (this.#spare < needed) throw error;
    }
  }

  async #append(bytes: number): Promise<void> {
    try {
      for (let left = bytes; left > 0; ) {
        const { bytesWritten } = await writeAsync(this.#fd, ZEROS, 0, Math.min(left, ZEROS.length), null);
        left -= bytesWritten;
      }
      await flushAsync(this.#fd);
    } finally {
      this.#pages = this.#filePages();
    }
  }
}
