/**
 * Two nodes compare what they have, from the digest of all down to the leaves that differ, and each gets what is newer at
 * the other. One asks, the other answers.
 *
 *     root ──> equal, or the digests of all groups
 *     groups that differ ──> the digests of their leaves
 *     leaves that differ, with the versions in them ──> units that are newer there, and the names of those that are older
 */
import {
  compareVersions,
  findUnit,
  nameOfUnit,
  type Outcome,
  ok,
  type Unit,
  unitKey,
  unitNameOf,
  type View,
  versionOfUnit,
} from "../../core/index.ts";
import { type Book, differing, GROUPS, leafAt } from "./book.ts";
import {
  BYTES_AT_ONCE,
  type Digests,
  decodeDigests,
  decodeLeavesAnswer,
  decodeQuestion,
  decodeRootAnswer,
  encodeDigests,
  encodeLeavesAnswer,
  encodeQuestion,
  encodeRootAnswer,
  inParts,
  KNOWN_BYTES,
  type Known,
  type LeavesAnswer,
  type Placed,
  type Question,
  sizeOfUnit,
} from "./messages.ts";

/** This node's side. */
export interface Side {
  readonly name: string;
  readonly line: string;
  readonly book: Book;
  readonly view: View;
  /** The greatest stamp that is known here. */
  readonly last: number;
  /** It compares itself with another one just now. */
  readonly isComparing: boolean;
  /** A stamp was seen at another node. */
  noteStamp(stampMs: number): void;
  nowMs(): number;
  /** Merges what another node has; false when some of it had to be left out. */
  merge(units: readonly Placed[], from: string): Promise<boolean>;
  /** What both had, up to this stamp, was the same with the node of that line; with 0 when it never was. */
  inStep(line: string, stampMs: number): void;
  /** So many units, at least, only one of the two has. */
  apart(line: string, units: number): void;
  /** As `Question.boundMs`. */
  boundMs(line: string): number;
}

type Ask = (payload: Buffer) => Promise<Outcome<Buffer>>;

/** The other node. */
export interface Peer {
  readonly name: string;
  readonly ask: Ask;
  /** Gives it units; resolves when it has merged them: with false when it left some out. */
  give(units: readonly Placed[]): Promise<Outcome<boolean>>;
}

const LEAVES_AT_ONCE = 256;
const UNITS_AT_ONCE = 2000;
/** What changed so lately is on its way by itself. */
const HOT_MS = 1000;
const NO_DIGESTS = new Uint32Array(0);

/** Answers another node. Refused when the question is none. */
export function answer(side: Side, bytes: Buffer, from: string): Outcome<Buffer> {
  const question = decodeQuestion(bytes);
  if (!question.ok) return question;
  const { value } = question;
  if (value.kind === "root") return ok(answerRoot(side, value, from));
  if (value.kind === "groups") return ok(encodeDigests(joined(value.groups.map((group) => side.book.leavesOf(group)))));
  return ok(answerLeaves(side, value, from));
}

function joined(parts: readonly Digests[]): Digests {
  const all = new Uint32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function answerRoot(side: Side, question: Extract<Question, { kind: "root" }>, from: string): Buffer {
  const { line, last, digest } = question;
  const { book } = side;
  const isEqual = differing(book.root, digest).length === 0;
  if (isEqual) side.inStep(line, Math.min(last, side.last));
  // What a node gets from one it need not get from all others at the same time. Who has less asks.
  const hasLess = book.count < question.count || (book.count === question.count && side.name < from);
  const isBusy = !isEqual && side.isComparing && hasLess;
  const groups = isEqual || isBusy ? NO_DIGESTS : book.groups;
  const { root, count } = book;
  const told = encodeRootAnswer({ line: side.line, last: side.last, count, digest: root, isBusy, groups });
  side.noteStamp(last);
  return told;
}

interface Found {
  readonly units: Placed[];
  /** About the bytes of these. */
  bytes: number;
  readonly wanted: { readonly account: string; readonly key: string }[];
  /** What is here, and was deleted at the other so long ago that it does not know any more. */
  readonly dead: Placed[];
}

function answerLeaves(side: Side, question: Extract<Question, { kind: "leaves" }>, from: string): Buffer {
  const ours = side.boundMs(question.line);
  const boundMs = ours === 0 || question.boundMs === 0 ? 0 : Math.min(ours, question.boundMs);
  const found: Found = { units: [], bytes: 0, wanted: [], dead: [] };
  let done = 0;
  for (const { leaf, known } of question.leaves) {
    if (!compareLeaf(side, leaf, known, boundMs, found)) break;
    done++;
  }
  if (found.dead.length > 0) void side.merge(found.dead, from);
  return encodeLeavesAnswer({ done, ...found }, side.nowMs());
}

/** False when it became too much for one answer: of this leaf there is more. */
function compareLeaf(side: Side, leaf: number, known: readonly Known[], boundMs: number, found: Found): boolean {
  const theirs = new Map(known.map((one) => [`${one.account}\0${one.key}`, one]));
  const give = (placed: Placed): void => {
    found.units.push(placed);
    found.bytes += sizeOfUnit(placed.unit);
  };
  for (const placed of side.book.in(side.view, leaf)) {
    if (found.units.length >= UNITS_AT_ONCE || found.bytes >= BYTES_AT_ONCE) return false;
    const { account, unit } = placed;
    const name = `${account}\0${unitKey(nameOfUnit(unit))}`;
    const their = theirs.get(name);
    theirs.delete(name);
    if (their === undefined) {
      if (unit.kind === "gone") continue;
      if (versionOfUnit(unit).stampMs < boundMs) found.dead.push({ account, unit: endOf(unit, side.name) });
      else give(placed);
      continue;
    }
    const by = compareVersions(versionOfUnit(unit), their);
    if (by > 0) give(placed);
    else if (by < 0) found.wanted.push(their);
  }
  for (const { isGone, stampMs, account, key } of theirs.values()) {
    if (isGone) continue;
    if (stampMs >= boundMs) found.wanted.push({ account, key });
    else give({ account, unit: { ...DEAD, of: unitNameOf(key), stampMs: stampMs + 1, origin: side.name } });
  }
  return true;
}

const DEAD = { kind: "gone", cause: "expired" } as const;

function endOf(unit: Unit, origin: string): Unit {
  return { ...DEAD, of: nameOfUnit(unit), stampMs: versionOfUnit(unit).stampMs + 1, origin };
}

/** Compares with another node. */
export async function compare(side: Side, peer: Peer, isThorough: boolean): Promise<Outcome<void>> {
  const last = side.last;
  const { root: digest, count } = side.book;
  const asked = await peer.ask(encodeQuestion({ kind: "root", line: side.line, last, count, digest }));
  if (!asked.ok) return asked;
  const root = decodeRootAnswer(asked.value);
  if (!root.ok) return root;
  const { line, groups, isBusy } = root.value;
  const boundMs = Math.min(last, root.value.last);
  side.noteStamp(root.value.last);
  if (isBusy) return ok(undefined);
  if (groups.length === 0) {
    side.inStep(line, boundMs);
    return ok(undefined);
  }
  const leaves = await findLeaves(side, peer.ask, groups);
  if (!leaves.ok) return leaves;
  side.apart(line, Math.max(leaves.value.length, Math.abs(count - root.value.count)));
  const nowMs = side.nowMs();
  const cold = isThorough ? leaves.value : leaves.value.filter((leaf) => nowMs - side.book.changedMs(leaf) > HOT_MS);
  const isWhole = await compareLeaves(side, peer, line, cold);
  if (!isWhole.ok) return isWhole;
  if (isWhole.value && cold.length === leaves.value.length) side.inStep(line, boundMs);
  else side.apart(line, Math.max(1, leaves.value.length - cold.length));
  return ok(undefined);
}

async function findLeaves(side: Side, ask: Ask, theirs: Digests): Promise<Outcome<number[]>> {
  const groups = differing(side.book.groups, theirs).filter((group) => group < GROUPS);
  const asked = await ask(encodeQuestion({ kind: "groups", groups }));
  if (!asked.ok) return asked;
  const digests = decodeDigests(asked.value);
  if (!digests.ok) return digests;
  const leaves: number[] = [];
  for (const [nth, group] of groups.entries()) {
    const ours = side.book.leavesOf(group);
    const part = digests.value.subarray(nth * ours.length, (nth + 1) * ours.length);
    for (const at of differing(ours, part)) leaves.push(leafAt(group, at));
  }
  return ok(leaves);
}

/** True when both have everything that is in these leaves. */
async function compareLeaves(
  side: Side,
  peer: Peer,
  line: string,
  leaves: readonly number[],
): Promise<Outcome<boolean>> {
  let isWhole = true;
  // What came is merged, and what was wanted is given, while the next is asked for.
  let exchanged: Promise<Outcome<boolean>> = Promise.resolve(ok(true));
  for (let at = 0; at < leaves.length; ) {
    const some = takeLeaves(side, leaves, at);
    const digest = side.book.digestOf(leaves[at] as number);
    const boundMs = side.boundMs(line);
    const asked = await peer.ask(encodeQuestion({ kind: "leaves", line: side.line, boundMs, leaves: some }));
    if (!asked.ok) return asked;
    const found = decodeLeavesAnswer(asked.value);
    if (!found.ok) return found;
    const before = await exchanged;
    if (!before.ok) return before;
    isWhole &&= before.value;
    exchanged = exchange(side, peer, found.value);
    const done = Math.min(found.value.done, some.length);
    at += done;
    if (done > 0) continue;
    // One leaf was too much for one answer: the rest of it comes when this part of it is here.
    const part = await exchanged;
    if (!part.ok) return part;
    if (side.book.digestOf(leaves[at] as number) !== digest) continue;
    isWhole = false;
    at++;
  }
  const last = await exchanged;
  return last.ok ? ok(isWhole && last.value) : last;
}

async function exchange(side: Side, { name, give }: Peer, { units, wanted }: LeavesAnswer): Promise<Outcome<boolean>> {
  const merging = side.merge(units, name);
  let isWhole = true;
  const found = wanted.flatMap(({ account, key }) => {
    const unit = findUnit(side.view, account, unitNameOf(key));
    return unit === undefined ? [] : [{ account, unit }];
  });
  for (const part of inParts(found, UNITS_AT_ONCE, ({ unit }) => unit)) {
    const given = await give(part);
    if (!given.ok) return given;
    isWhole &&= given.value;
  }
  return ok((await merging) && isWhole);
}

/** As many leaves as are asked for at once, with what is known of each. */
function takeLeaves(side: Side, leaves: readonly number[], from: number): { leaf: number; known: Known[] }[] {
  const some: { leaf: number; known: Known[] }[] = [];
  let bytes = 0;
  for (let at = from; at < leaves.length && some.length < LEAVES_AT_ONCE && bytes < BYTES_AT_ONCE; at++) {
    const leaf = leaves[at] as number;
    const known = knownIn(side, leaf);
    some.push({ leaf, known });
    for (const { key } of known) bytes += KNOWN_BYTES + key.length;
  }
  return some;
}

function knownIn(side: Side, leaf: number): Known[] {
  return [...side.book.in(side.view, leaf)].map(({ account, unit }) => ({
    ...versionOfUnit(unit),
    account,
    key: unitKey(nameOfUnit(unit)),
  }));
}
