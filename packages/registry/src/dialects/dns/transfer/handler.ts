/** @live Transfers of zones to secondaries: AXFR (RFC 5936) and IXFR (RFC 1995). */

import { setImmediate as nextTurn } from "node:timers/promises";
import { type Outcome, ok } from "../../../core/index.ts";
import { awaitAll } from "../../../net/routes/catch-up.ts";
import type { Asked, Desk } from "../desk.ts";
import { signAnswer, signBytes, signStream } from "../signing/keys.ts";
import {
  CLASS,
  emptyAnswer,
  MESSAGE_BYTES_MAX,
  type Message,
  type Question,
  RCODE,
  type Resource,
  TYPE,
  UDP_BYTES_MIN,
} from "../wire/message.ts";
import { keyOf, sameName, showName } from "../wire/name.ts";
import { encodeMessage } from "../wire/packet.ts";
import { longBytes } from "../wire/record.ts";
import { isNewer, serialOf } from "../wire/serial.ts";
import { otherReader } from "../zone/file.ts";
import { increments, isShorter, type Journal, packSome, ZoneTooLong } from "./journal.ts";
import { isWhole, KeptZone, type WholeZone, ZoneGone } from "./kept-zone.ts";

/** Transfers under way at once, of all secondaries. */
const RUNNING_MAX = 32;
/** And of one address: those that it does not take keep no other secondary from its zones. */
const RUNNING_PER_ADDRESS_MAX = 16;
/** Zones whose records and changes are kept, at most. */
const KEPT_MAX = 256;
/** And their bytes, unless the one that was used last has more. */
const KEPT_BYTES_MAX = 256 * 1024 * 1024;
/** A root name and the fixed fields. */
const RECORD_BYTES_MIN = 11;
/** Records that are unpacked at a time, and bytes of those that are long. */
const BATCH = 512;
const BATCH_BYTES = 64 * 1024;

export class Transfers {
  readonly #desk: Desk;
  /** By `keyOf` of the zone; the one used last is the last. */
  readonly #kept = new Map<string, KeptZone>();
  readonly #cancel: () => void;
  /** The addresses of the transfers under way. */
  readonly #running: string[] = [];

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#cancel = desk.zones.onChange(() => {
      for (const zone of this.#kept.values()) zone.touch();
    });
  }

  /**
   * The messages that answer a question of type AXFR or IXFR, signed where the question was; over UDP there is one. Take
   * the next message when the socket has taken the one before, and end the iteration when the client has gone.
   */
  async *serve(asked: Asked): AsyncGenerator<Buffer, void, void> {
    const { message, asker } = asked;
    const admitted = this.#admit(asked);
    if (!admitted.ok) {
      yield this.#refuse(asked, admitted.rcode);
      return;
    }
    if (!this.#begin(asker.address)) {
      yield this.#refuse(asked, RCODE.SERVFAIL);
      return;
    }
    const { zone, serial } = admitted.value;
    try {
      // Of two nodes the one that is asked may know less than the one that told of the change.
      const isCurrent = (await awaitAll(this.#desk.registry)).ok;
      const journal = this.#isOthers(zone) ? undefined : await this.#keep(zone).refresh();
      const isBehind = journal !== undefined && serial !== undefined && isNewer(serial, serialOf(journal.authority));
      if (journal === undefined || (isBehind && !isCurrent)) {
        yield this.#refuse(asked, RCODE.SERVFAIL);
        return;
      }
      const answer = answerOf(journal, serial);
      const fields = {
        zone: showName(zone.name),
        to: asker.address,
        from: serial,
        serial: serialOf(journal.authority),
      };
      this.#desk.log.debug({ ...fields, form: answer.form }, "transfer");
      if (asker.transport === "udp") yield this.#fit(asked, journal, answer);
      else yield* this.#stream(asked, message, answer.records);
    } catch (error) {
      const isTooLong = error instanceof ZoneTooLong;
      if (!isTooLong && !(error instanceof ZoneGone)) throw error;
      if (isTooLong) this.#desk.log.warn(`the zone ${showName(zone.name)} is too long to be transferred`);
      this.#forget(zone);
      yield this.#refuse(asked, RCODE.SERVFAIL);
    } finally {
      this.#running.splice(this.#running.indexOf(asker.address), 1);
    }
  }

  /** False when too many are under way. */
  #begin(address: string): boolean {
    const running = this.#running;
    const own = running.filter((other) => other === address);
    if (running.length >= RUNNING_MAX || own.length >= RUNNING_PER_ADDRESS_MAX) return false;
    running.push(address);
    return true;
  }

  close(): void {
    this.#cancel();
    for (const zone of this.#kept.values()) zone.close();
    this.#kept.clear();
  }

  /** What is asked for, if this client may have it. */
  #admit({ message, asker, key }: Asked): Outcome<Wanted, { readonly rcode: number }> {
    const refuse = (rcode: number) => ({ ok: false, rcode }) as const;
    const question = message.questions[0];
    if (question === undefined || message.questions.length !== 1) return refuse(RCODE.FORMERR);
    const zone = this.#desk.read((world) => world.zoneOf(question.name));
    const mine = zone !== undefined && sameName(zone.name, question.name) && question.class === CLASS.IN;
    if (!mine) return refuse(RCODE.NOTAUTH);
    if (!isWhole(zone)) return refuse(RCODE.REFUSED);
    const { allowTransfer, files } = this.#desk.settings;
    const byKey =
      key !== undefined &&
      (key.account === null ||
        // A zone file belongs to no account, but its instances do.
        (zone.kind === "account" ? key.account === zone.account : files.every((file) => file.account === key.account)));
    if (!byKey && !allowTransfer.has(asker.address)) return refuse(RCODE.REFUSED);
    if (question.type !== TYPE.IXFR) {
      // RFC 5936 §4.2: over TCP only.
      return asker.transport === "udp" ? refuse(RCODE.FORMERR) : ok({ zone, serial: undefined });
    }
    const serial = serialAsked(message, question);
    return serial === undefined ? refuse(RCODE.FORMERR) : ok({ zone, serial });
  }

  /** The serial speaks of another zone than ours: a secondary that took this one would keep it. */
  #isOthers({ name, kind, file }: WholeZone): boolean {
    const { registry, node, log } = this.#desk;
    const other =
      (file && registry.read((view) => otherReader(view, file, node))) ??
      (kind === "account" ? this.#desk.otherShape() : undefined);
    if (other === undefined) return false;
    log.warn(
      { zone: showName(name), node: other },
      "no transfer: settings or a zone file differ from those of that node",
    );
    return true;
  }

  #keep(zone: WholeZone): KeptZone {
    const key = keyOf(zone.name);
    let kept = this.#kept.get(key);
    if (kept !== undefined && !kept.fits(zone)) {
      kept.close();
      kept = undefined;
    }
    kept ??= new KeptZone(this.#desk, zone);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    let bytes = 0;
    for (const other of this.#kept.values()) bytes += other.bytes;
    for (const [oldest, other] of this.#kept) {
      if (other === kept || (this.#kept.size <= KEPT_MAX && bytes <= KEPT_BYTES_MAX)) break;
      bytes -= other.bytes;
      other.close();
      this.#kept.delete(oldest);
    }
    return kept;
  }

  #forget(zone: WholeZone): void {
    this.#kept.get(keyOf(zone.name))?.close();
    this.#kept.delete(keyOf(zone.name));
  }

  /** The transfer in one message, or, if it does not fit, the SOA alone: the client then comes over TCP (RFC 1995 §2). */
  #fit(asked: Asked, { authority }: Journal, { form, records }: Transfer): Buffer {
    const { message, key } = asked;
    const { settings, clock } = this.#desk;
    const may = message.edns === undefined ? UDP_BYTES_MIN : Math.max(UDP_BYTES_MIN, message.edns.udpSize);
    const bytesMax = Math.min(may, settings.udpBytesMax) - signBytes(key);
    const head = this.#head(message, authority);
    const answers: Resource[] = [];
    for (const record of form === "whole" ? [] : records) {
      answers.push(record);
      if (answers.length * RECORD_BYTES_MIN > bytesMax) break;
    }
    const packet =
      (form === "whole" ? undefined : encodeMessage({ ...head, answers }, bytesMax)) ??
      encodeMessage({ ...head, answers: [authority] }, bytesMax) ??
      encodeMessage({ ...head, truncated: true }, UDP_BYTES_MIN);
    return signAnswer(packet!, asked, clock);
  }

  async *#stream(asked: Asked, message: Message, records: Iterable<Resource>): AsyncGenerator<Buffer, void, void> {
    const sign = signStream(asked, this.#desk.clock);
    const bytesMax = MESSAGE_BYTES_MAX - signBytes(asked.key);
    const waiting: Resource[] = [];
    let waitingBytes = 0;
    let head: Message | undefined;
    for (const record of records) {
      // The first record is the latest SOA.
      head ??= this.#head(message, record);
      waiting.push(record);
      waitingBytes += longBytes(record.data);
      if (waiting.length < BATCH && waitingBytes < BATCH_BYTES) continue;
      const { bytes, next } = packSome(head, waiting, 0, bytesMax);
      for (const { data } of waiting.splice(0, next)) waitingBytes -= longBytes(data);
      // RFC 5936 §2.2: later messages need no question.
      head = toFollowing(head);
      yield sign(bytes);
      // Others have their turn, also while this client takes all messages at once.
      await nextTurn();
    }
    while (head !== undefined && waiting.length > 0) {
      const { bytes, next } = packSome(head, waiting, 0, bytesMax);
      waiting.splice(0, next);
      head = toFollowing(head);
      yield sign(bytes);
    }
  }

  /** The first message without its records. */
  #head(message: Message, authority: Resource): Message {
    const bare = { ...emptyAnswer(message, RCODE.NOERROR), authoritative: true };
    if (message.edns === undefined) return bare;
    const { data } = authority;
    const expire = message.edns.expire === true && data.kind === "authority" ? { expireS: data.expireS } : {};
    return { ...bare, edns: { version: 0, udpSize: this.#desk.settings.udpBytesMax, dnssecOk: false, ...expire } };
  }

  #refuse(asked: Asked, rcode: number): Buffer {
    // A header and one question always fit.
    return signAnswer(encodeMessage(emptyAnswer(asked.message, rcode), UDP_BYTES_MIN)!, asked, this.#desk.clock);
  }
}

interface Wanted {
  readonly zone: WholeZone;
  /** The serial that the client has; undefined when it wants the whole zone. */
  readonly serial: number | undefined;
}

/** The serial that the client has: of the SOA in the authority section, RFC 1995 §3. */
function serialAsked({ authority }: Message, { name }: Question): number | undefined {
  const record = authority[0];
  return record?.data.kind === "authority" && sameName(record.name, name) ? record.data.serial : undefined;
}

interface Transfer {
  readonly form: "whole" | "increments" | "nothing new";
  /** The answer section. */
  readonly records: Iterable<Resource>;
}

function answerOf(journal: Journal, serial: number | undefined): Transfer {
  const { authority } = journal;
  const steps = serial === undefined ? undefined : journal.since(serial);
  // RFC 1995 §2: a client at our serial, or ahead of it, gets the SOA alone.
  const isThere = steps?.length === 0 || (serial !== undefined && isNewer(serial, serialOf(authority)));
  if (isThere) return { form: "nothing new", records: [authority] };
  if (steps === undefined || !isShorter(steps, journal.count)) return { form: "whole", records: journal.whole() };
  return { form: "increments", records: increments(steps, authority) };
}

function toFollowing(head: Message): Message {
  if (head.questions.length === 0) return head;
  const { edns: _, ...rest } = head;
  return { ...rest, questions: [] };
}
