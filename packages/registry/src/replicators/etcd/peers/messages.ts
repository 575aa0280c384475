/**
 * What nodes say to each other over the link, as values and as bytes: commands that another node is to decide, what came
 * of them, heartbeats and pulses.
 */
import type { Account, Change, Command, LeaseId, Pulse, Refused, Result, Revision } from "../../../core/index.ts";
import { ByteReader, ByteWriter } from "../../../records/bytes.ts";
import { readPlain, writePlain } from "./plain.ts";

/** Channels of the link. */
export const CHANNELS = {
  decide: "commands/batch",
  settled: "commands/settled",
  renew: "leases/renew",
  pulses: "leases/pulses",
  told: "told/",
} as const;

/** A command as a node sends it to the one that decides, and whose. */
export interface Asked {
  readonly account: Account;
  readonly command: Command;
}

/**
 * Commands, for the node that has the duty since that revision of etcd, and by it. `session` and a number name each of them
 * for ever: `first` that of the first, each other the next one.
 */
export interface AskedBatch {
  readonly duty: number;
  readonly session: string;
  readonly first: number;
  readonly commands: readonly Asked[];
}

/** All commands of a session up to this number are to come to an end. */
export interface Settling {
  readonly duty: number;
  readonly session: string;
  readonly number: number;
}

/** What came of a command at the node that decides. */
export type Reply =
  /** It does not decide, and has done nothing. */
  | { readonly kind: "elsewhere" }
  /** Its commit is in the log. */
  | { readonly kind: "committed"; readonly sketch: string }
  /** Nothing became different, on the state of this revision. */
  | { readonly kind: "same"; readonly revision: Revision; readonly result: Result }
  | { readonly kind: "refused"; readonly revision: Revision; readonly refused: Refused };

export const ELSEWHERE: Reply = { kind: "elsewhere" };

const KINDS = ["elsewhere", "committed", "same", "refused"] as const;

/** What a message says; undefined when this version cannot read it. */
export function read<T>(decode: (bytes: Buffer) => T, bytes: Buffer): T | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

/** The writer is used for one message at a time; what goes out is copied by the link. */
const OUT = new ByteWriter();

function begin(): ByteWriter {
  OUT.clear();
  return OUT;
}

/** Writes a batch as its commands come. */
export class BatchWriter {
  readonly #out = new ByteWriter();
  #account = "";

  begin({ duty, session, first }: Omit<AskedBatch, "commands">): void {
    this.#out.clear();
    this.#out.count(duty);
    this.#out.string(session);
    this.#out.count(first);
    this.#account = "";
  }

  /** Throws, and writes nothing, when the command is no plain data. */
  add({ account, command }: Asked): void {
    writePlain(this.#out, command);
    // An empty name means that of the command before.
    this.#out.string(account === this.#account ? "" : account);
    this.#account = account;
  }

  get length(): number {
    return this.#out.length;
  }

  /** Good until the next use. */
  bytes(): Buffer {
    return this.#out.bytes();
  }
}

/** Throws when it is none. */
export function decodeBatch(bytes: Buffer): AskedBatch {
  const input = new ByteReader(bytes);
  const head = { duty: input.count(), session: input.string(), first: input.count() };
  const commands: Asked[] = [];
  for (let account = ""; !input.atEnd; ) {
    const command = readPlain(input) as Command;
    account = input.string() || account;
    commands.push({ account, command });
  }
  return { ...head, commands };
}

export function encodeSettling({ duty, session, number }: Settling): Buffer {
  const out = begin();
  out.count(duty);
  out.string(session);
  out.count(number);
  return out.bytes();
}

export function decodeSettling(bytes: Buffer): Settling {
  const input = new ByteReader(bytes);
  return { duty: input.count(), session: input.string(), number: input.count() };
}

function writeReply(out: ByteWriter, reply: Reply): void {
  out.byte(KINDS.indexOf(reply.kind));
  if (reply.kind === "same" || reply.kind === "refused") out.count(reply.revision);
  if (reply.kind === "refused") writePlain(out, reply.refused);
  else if (reply.kind === "same") writePlain(out, reply.result);
  else if (reply.kind === "committed") out.string(reply.sketch);
}

function readReply(input: ByteReader): Reply {
  const kind = KINDS[input.byte()];
  switch (kind) {
    case "same":
      return { kind, revision: input.count(), result: readPlain(input) as Result };
    case "refused":
      return { kind, revision: input.count(), refused: readPlain(input) as Refused };
    case "committed":
      return { kind, sketch: input.ownString() };
    default:
      return ELSEWHERE;
  }
}

export function encodeReply(reply: Reply): Buffer {
  const out = begin();
  writeReply(out, reply);
  // It may have to wait for its turn, and others are written meanwhile.
  return Buffer.from(out.bytes());
}

export function decodeReply(bytes: Buffer): Reply {
  return readReply(new ByteReader(bytes));
}

/** What the log says by itself: it is committed, and answers with the changes of its commit. */
const COMMITTED: Reply = { kind: "committed", sketch: "" };
const NONE = 0;
const ALL = 1;

/** What came of a batch, in its order; undefined when nothing of it was decided. Only what the log does not say is written. */
export function encodeReplies(replies: readonly Reply[] | undefined): Buffer {
  const out = begin();
  out.byte(replies === undefined ? NONE : ALL);
  for (const [at, reply] of (replies ?? []).entries()) {
    if (reply.kind === "committed" && reply.sketch === "") continue;
    out.count(at);
    writeReply(out, reply);
  }
  return Buffer.from(out.bytes());
}

/** That of the command at a place in the batch. Throws when it is none. */
export function decodeReplies(bytes: Buffer): (at: number) => Reply {
  const input = new ByteReader(bytes);
  if (input.byte() === NONE) return () => ELSEWHERE;
  const replies = new Map<number, Reply>();
  while (!input.atEnd) {
    const at = input.count();
    replies.set(at, readReply(input));
  }
  return (at) => replies.get(at) ?? COMMITTED;
}

/** A result with places among the commit's changes in place of changes. */
type Sketch =
  | { readonly kind: "changed"; readonly at: readonly number[] }
  | { readonly kind: "when"; readonly succeeded: boolean; readonly broken: number | null; readonly results: Sketch[] }
  | { readonly kind: "plan"; readonly note: unknown; readonly result: Sketch }
  | { readonly kind: "range"; readonly result: Result };

/** The result as it stands beside the commit in the log. Empty when it is no more than the commit's changes. */
export function sketchOf(result: Result, changes: readonly Change[]): string {
  if (result.kind === "changed" && result.changes === changes) return "";
  const places = new Map(changes.map((change, at) => [change, at]));
  const out = new ByteWriter();
  writePlain(out, sketch(result, places));
  return out.bytes().toString("latin1");
}

function sketch(result: Result, places: ReadonlyMap<Change, number>): Sketch {
  switch (result.kind) {
    case "changed":
      return { kind: "changed", at: result.changes.map((change) => places.get(change) ?? -1) };
    case "when":
      return { ...result, results: result.results.map((one) => sketch(one, places)) };
    case "plan":
      return { ...result, result: sketch(result.result, places) };
    case "range":
      return { kind: "range", result };
  }
}

/** Throws when it is none. */
export function resultOfSketch(text: string, changes: readonly Change[]): Result {
  if (text === "") return { kind: "changed", changes };
  return fill(readPlain(new ByteReader(Buffer.from(text, "latin1"))) as Sketch, changes);
}

function fill(one: Sketch, changes: readonly Change[]): Result {
  switch (one.kind) {
    case "changed":
      return { kind: "changed", changes: one.at.flatMap((at) => changes[at] ?? []) };
    case "when":
      return { ...one, results: one.results.map((inner) => fill(inner, changes)) };
    case "plan":
      return { ...one, result: fill(one.result, changes) };
    case "range":
      return one.result;
  }
}

export interface NamedLease {
  readonly account: Account;
  readonly lease: LeaseId;
}

export function encodeLeases(leases: readonly NamedLease[]): Buffer {
  const out = begin();
  out.count(leases.length);
  let before = "";
  for (const { account, lease } of leases) {
    // An empty name means that of the lease before.
    out.string(account === before ? "" : account);
    out.string(lease);
    before = account;
  }
  return out.bytes();
}

/** Runs of leases of one account, in order. */
export function decodeLeases(bytes: Buffer): { readonly account: Account; readonly leases: LeaseId[] }[] {
  const input = new ByteReader(bytes);
  const runs: { account: Account; leases: LeaseId[] }[] = [];
  for (let left = input.size(); left > 0; left--) {
    const account = input.string();
    if (account !== "") runs.push({ account, leases: [] });
    runs.at(-1)?.leases.push(input.ownString());
  }
  return runs;
}

export function encodeTtls(ttls: Iterable<number>): Buffer {
  const out = begin();
  for (const ttlMs of ttls) out.number(ttlMs);
  return out.bytes();
}

export function decodeTtls(bytes: Buffer): number[] {
  const input = new ByteReader(bytes);
  const ttls: number[] = [];
  while (!input.atEnd) ttls.push(input.number());
  return ttls;
}

export function encodePulses(pulses: readonly (Pulse | undefined)[]): Buffer {
  const out = begin();
  writePlain(
    out,
    pulses.map((pulse) => pulse ?? null),
  );
  return out.bytes();
}

export function decodePulses(bytes: Buffer): readonly (Pulse | undefined)[] {
  return (readPlain(new ByteReader(bytes)) as (Pulse | null)[]).map((pulse) => pulse ?? undefined);
}
