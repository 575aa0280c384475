/**
 * @live Reads a store's file page by page, through read(2) alone. The library maps the file into memory and trusts every
 * page, so a damaged one can end the whole process; this reader trusts nothing, and is used to look at a file before
 * the library may. It knows the library's format 2 with pages of 4 KiB and keys compared as bytes.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { Damaged } from "../refused.ts";

export const PAGE_BYTES = 4096;
const PAGE_HEAD_BYTES = 24;
const NODE_HEAD_BYTES = 8;
const MAGIC = 0xbeefc0de;
const FILE_VERSION = 2;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const META = 0x08;

const BIG_DATA = 0x01;
const SUB_DATA = 0x02;
const DEPTH_MAX = 32;
/** A note of the map's size. Whoever opens the file sets another. */
const EMPTY_MAP_BYTES = 0x20000n;
/** Keys that are integers, and one file without a directory of its own. */
const FREE_TREE_FLAGS = 0x4008;

/** One tree: a named database, or one of the library's own. */
export interface Tree {
  /** -1 when it is empty. */
  readonly root: number;
  readonly entries: number;
  readonly depth: number;
}

export interface Meta {
  readonly txnId: number;
  readonly lastPage: number;
  readonly free: Tree;
  readonly main: Tree;
}

/** Called for each entry of a tree in key order. The value is a function, as reading one on pages of its own costs. */
export type Visit = (key: Buffer, value: () => Buffer, isTree: boolean) => void;

/** A key where it lies: a store has many, and most are only compared. */
interface Key {
  readonly page: Buffer;
  readonly start: number;
  readonly end: number;
}

const NO_KEY: Key = { page: Buffer.alloc(0), start: 0, end: 0 };

interface Walk {
  readonly tree: Tree;
  readonly visit: Visit | null;
  readonly visitValue: VisitValue | null;
  readonly ordered: boolean;
  entries: number;
  last: Key;
  /** The next key must not be smaller. */
  bound: Key;
}

function compareKeys(a: Key, b: Key): number {
  return a.page.compare(b.page, b.start, b.end, a.start, a.end);
}

function notInOrder(number: number): Damaged {
  return new Damaged(`page ${number} is not in order`);
}

/** Called for each value where it lies: the bytes from `start` to `end`. For trees with very many values. */
export type VisitValue = (bytes: Buffer, start: number, end: number) => void;

function readTree(page: Buffer, at: number): Tree {
  const root = page.readBigUInt64LE(at + 40);
  return {
    depth: page.readUInt16LE(at + 6),
    entries: Number(page.readBigUInt64LE(at + 32)),
    root: root === NO_PAGE ? -1 : Number(root),
  };
}

/** A named database's tree, as the main tree holds it. */
export function treeFromValue(value: Buffer): Tree {
  if (value.length !== 48) throw new Damaged("the description of a database has a wrong size");
  return readTree(value, 0);
}

/** A file being looked at. Each page may be visited once. */
export class PageFile {
  readonly meta: Meta;
  readonly bytes: number;
  /** Pages seen so far: a page can be in one place only. */
  readonly seen: Uint8Array;
  readonly #fd: number;

  constructor(path: string, contentBytes?: number) {
    this.#fd = openSync(path, "r");
    try {
      this.bytes = contentBytes ?? fstatSync(this.#fd).size;
      this.meta = this.#readMeta();
      this.seen = new Uint8Array(this.meta.lastPage + 1);
      this.seen[0] = 1;
      this.seen[1] = 1;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #readMeta(): Meta {
    if (this.bytes < 2 * PAGE_BYTES) throw new Damaged(`the file is cut off: it has ${this.bytes} bytes`);
    const [first, second] = [this.#readMetaPage(0), this.#readMetaPage(1)];
    const meta = second.txnId > first.txnId ? second : first;
    const pages = Math.floor(this.bytes / PAGE_BYTES);
    if (!(meta.lastPage >= 1 && meta.lastPage < 2 ** 40)) throw new Damaged("the head page has an impossible size");
    if (meta.lastPage >= pages && !this.#isTailUnused(meta, pages))
      throw new Damaged(`the file is cut off: it has ${pages} pages and should have ${meta.lastPage + 1}`);
    return meta;
  }

  /** The library may end a file early when the last pages are free; a page in use beyond the end is found by the walk. */
  #isTailUnused(meta: Meta, pages: number): boolean {
    return meta.free.root >= 0 && meta.free.root < pages && meta.main.root < pages;
  }

  #readMetaPage(number: number): Meta {
    const page = this.#read(number, 1);
    if ((page.readUInt16LE(18) & META) === 0 || page.readUInt32LE(24) !== MAGIC)
      throw new Damaged(`head page ${number} is not that of a store`);
    const version = page.readUInt32LE(28) & 0xffff;
    if (version !== FILE_VERSION) throw new Damaged(`head page ${number} has file version ${version}`);
    const pageBytes = page.readUInt32LE(48);
    if (pageBytes !== PAGE_BYTES) throw new Damaged(`head page ${number} has pages of ${pageBytes} bytes`);
    return {
      free: readTree(page, 48),
      main: readTree(page, 96),
      lastPage: Number(page.readBigUInt64LE(144)),
      txnId: Number(page.readBigUInt64LE(152)),
    };
  }

  #read(number: number, count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count * PAGE_BYTES);
    let done = 0;
    while (done < bytes.length) {
      const got = readSync(this.#fd, bytes, done, bytes.length - done, number * PAGE_BYTES + done);
      if (got === 0) throw new Damaged(`page ${number} is missing: the file is cut off`);
      done += got;
    }
    return bytes;
  }

  /** Reads the first of some pages that must not have been met before. */
  #take(number: number, count: number, kinds: number): Buffer {
    if (!(number >= 2 && count >= 1 && number + count - 1 <= this.meta.lastPage))
      throw new Damaged(`page ${number} is outside of the file`);
    for (let i = number; i < number + count; i++) {
      if (this.seen[i] !== 0) throw new Damaged(`page ${i} is used twice`);
      this.seen[i] = 1;
    }
    const page = this.#read(number, 1);
    const kind = page.readUInt16LE(18) & (BRANCH | LEAF | OVERFLOW | META);
    if (Number(page.readBigUInt64LE(0)) !== number || (kind & kinds) !== kind || kind === 0)
      throw new Damaged(`page ${number} holds something else`);
    return page;
  }

  /** Visits every entry in order, and checks the tree on the way. `ordered`: keys compare as bytes. */
  walk(tree: Tree, visit: Visit, ordered = true): void {
    this.#walk({ tree, visit, visitValue: null, ordered, entries: 0, last: NO_KEY, bound: NO_KEY });
  }

  /** The same, for values alone; keys compare as bytes. */
  walkValues(tree: Tree, visitValue: VisitValue): void {
    this.#walk({ tree, visit: null, visitValue, ordered: true, entries: 0, last: NO_KEY, bound: NO_KEY });
  }

  #walk(state: Walk): void {
    const { tree } = state;
    if (tree.root < 0) {
      if (tree.entries !== 0) throw new Damaged("an empty database claims to have entries");
      return;
    }
    this.#walkPage(tree.root, 1, state);
    if (state.entries !== tree.entries)
      throw new Damaged(`a database has ${state.entries} entries and should have ${tree.entries}`);
  }

  /** The last entry of a tree; undefined when it is empty. Follows one path and marks its pages. */
  last(tree: Tree): { readonly key: Buffer; readonly value: Buffer } | undefined {
    let number = tree.root;
    for (let depth = 1; number >= 0 && depth <= DEPTH_MAX; depth++) {
      const page = this.#take(number, 1, BRANCH | LEAF);
      const at = readNodes(page, number).pop();
      if (at === undefined) return undefined;
      if ((page.readUInt16LE(18) & LEAF) !== 0) {
        const { key, value } = this.#readLeafNode(page, number, at);
        return { key, value: value() };
      }
      number = childOf(page, at);
    }
    return undefined;
  }

  #walkPage(number: number, depth: number, state: Walk): void {
    if (depth > state.tree.depth || depth > DEPTH_MAX) throw new Damaged(`page ${number} lies too deep`);
    const page = this.#take(number, 1, BRANCH | LEAF);
    const isLeaf = (page.readUInt16LE(18) & LEAF) !== 0;
    if (isLeaf !== (depth === state.tree.depth)) throw new Damaged(`page ${number} lies at a wrong depth`);
    const nodes = readNodes(page, number);
    for (let i = 0; i < nodes.length; i++) {
      const at = nodes[i] as number;
      const key = { page, start: at + NODE_HEAD_BYTES, end: at + NODE_HEAD_BYTES + page.readUInt16LE(at + 6) };
      if (isLeaf) this.#walkLeaf(page, number, at, key, state);
      else {
        // All keys before a branch's key are smaller, all after it are not.
        if (i > 0 && state.ordered) {
          if (state.last !== NO_KEY && compareKeys(state.last, key) >= 0) throw notInOrder(number);
          state.bound = key;
        }
        this.#walkPage(childOf(page, at), depth + 1, state);
      }
    }
  }

  #walkLeaf(page: Buffer, number: number, at: number, key: Key, state: Walk): void {
    if (state.ordered) {
      if (state.last !== NO_KEY && compareKeys(state.last, key) >= 0) throw notInOrder(number);
      if (state.bound !== NO_KEY && compareKeys(state.bound, key) > 0) throw notInOrder(number);
      state.last = key;
      state.bound = NO_KEY;
    }
    state.entries++;
    const size = readSize(page, at);
    if (state.visitValue !== null && page.readUInt16LE(at + 4) === 0 && key.end + size <= PAGE_BYTES) {
      state.visitValue(page, key.end, key.end + size);
      return;
    }
    const node = this.#readLeafNode(page, number, at);
    state.visit?.(node.key, node.value, node.isTree);
    if (state.visitValue === null) return;
    const value = node.value();
    state.visitValue(value, 0, value.length);
  }

  #readLeafNode(page: Buffer, number: number, at: number): { key: Buffer; value: () => Buffer; isTree: boolean } {
    const size = readSize(page, at);
    const flags = page.readUInt16LE(at + 4);
    const keyEnd = at + NODE_HEAD_BYTES + page.readUInt16LE(at + 6);
    const big = (flags & BIG_DATA) !== 0;
    const end = keyEnd + (big ? 24 : size);
    if (end > PAGE_BYTES || (flags & ~(BIG_DATA | SUB_DATA)) !== 0)
      throw new Damaged(`page ${number} has a broken entry`);
    const key = page.subarray(at + NODE_HEAD_BYTES, keyEnd);
    const isTree = (flags & SUB_DATA) !== 0;
    if (!big) return { key, isTree, value: () => page.subarray(keyEnd, end) };
    const first = Number(page.readBigUInt64LE(keyEnd));
    const count = Number(page.readBigUInt64LE(keyEnd + 16));
    if (count !== Math.floor((PAGE_HEAD_BYTES - 1 + size) / PAGE_BYTES) + 1)
      throw new Damaged(`page ${number} has an entry of a wrong size`);
    const head = this.#take(first, count, OVERFLOW);
    if (head.readUInt32LE(20) !== count) throw new Damaged(`page ${first} has a wrong length`);
    const value = () =>
      (count === 1 ? head : this.#read(first, count)).subarray(PAGE_HEAD_BYTES, PAGE_HEAD_BYTES + size);
    return { key, isTree, value };
  }
}

/** The bytes of a store without any database: two head pages. Byte for byte what the library makes of an empty file. */
export function emptyStore(): Buffer {
  const bytes = Buffer.alloc(2 * PAGE_BYTES);
  for (const page of [0, 1]) {
    const head = bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    head.writeBigUInt64LE(BigInt(page), 0);
    head.writeUInt16LE(META, 18);
    head.writeUInt32LE(MAGIC, 24);
    head.writeUInt32LE(FILE_VERSION, 28);
    head.writeBigUInt64LE(EMPTY_MAP_BYTES, 40);
    head.writeUInt32LE(PAGE_BYTES, 48);
    head.writeUInt16LE(FREE_TREE_FLAGS, 52);
    head.writeBigUInt64LE(NO_PAGE, 88);
    head.writeBigUInt64LE(NO_PAGE, 136);
    head.writeBigUInt64LE(1n, 144);
  }
  return bytes;
}

/** The length of a leaf's value. */
function readSize(page: Buffer, at: number): number {
  return page.readUInt16LE(at) + page.readUInt16LE(at + 2) * 2 ** 16;
}

/** The page that a branch's entry leads to. */
function childOf(page: Buffer, at: number): number {
  return page.readUInt16LE(at) + page.readUInt16LE(at + 2) * 2 ** 16 + page.readUInt16LE(at + 4) * 2 ** 32;
}

/** Where a page's entries begin. */
function readNodes(page: Buffer, number: number): number[] {
  const lower = page.readUInt16LE(20);
  const upper = page.readUInt16LE(22);
  if (lower % 2 !== 0 || lower > upper || upper + PAGE_HEAD_BYTES > PAGE_BYTES)
    throw new Damaged(`page ${number} has impossible bounds`);
  const nodes: number[] = [];
  for (let i = 0; i < lower; i += 2) {
    const at = page.readUInt16LE(PAGE_HEAD_BYTES + i) + PAGE_HEAD_BYTES;
    if (at < upper + PAGE_HEAD_BYTES || at + NODE_HEAD_BYTES > PAGE_BYTES)
      throw new Damaged(`page ${number} has a broken table of entries`);
    const keyEnd = at + NODE_HEAD_BYTES + page.readUInt16LE(at + 6);
    if (keyEnd > PAGE_BYTES) throw new Damaged(`page ${number} has a broken key`);
    nodes.push(at);
  }
  return nodes;
}
