/** @live Tells secondaries that a zone has changed: NOTIFY, RFC 1996; signed where the settings say so. */
import { randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { type Following, keepUp } from "../../../core/index.ts";
import { isLoopback } from "../../../net/hosts/loopback.ts";
import { isWildcard } from "../../../net/hosts/wildcard.ts";
import type { Desk } from "../desk.ts";
import { resolve } from "../names/resolve.ts";
import type { Secondary } from "../settings/model.ts";
import { answerFault, type SignedRequest, signBytes, signRequest } from "../signing/keys.ts";
import { BLANK, CLASS, type Message, OPCODE, RCODE, TYPE, UDP_BYTES_MIN } from "../wire/message.ts";
import { keyOf, showName } from "../wire/name.ts";
import { decodeMessage, encodeMessage } from "../wire/packet.ts";
import { isWhole, type WholeZone } from "./kept-zone.ts";

/** The time between two NOTIFYs of one zone, at least: RFC 1996 §4.5. */
const INTERVAL_MS = 1000;
/** RFC 1996 §3.6: NOTIFY is sent again after each of these times. */
const RETRIES_MS = [1000, 2000, 4000, 8000, 16_000];

interface Told {
  zone: WholeZone;
  /** The serial that was last told of. */
  serial: number | undefined;
  atMs: number;
  timer: NodeJS.Timeout | undefined;
}

/** A message that has no answer yet. */
interface Pending {
  readonly id: number;
  readonly server: Secondary;
  /** The same each time that it is sent, so that the answer to any of them will do. */
  readonly packet: Buffer;
  /** To check the signatures of answers with; undefined when answers need none. */
  readonly signed: SignedRequest | undefined;
  /** What was wrong with the signature of the last answer. */
  fault: string | undefined;
  tries: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * One node of several does this. Tells `settings.notify` of every zone now, and of each zone that changes from now on. `host`: the address that the
 * server listens on, by which secondaries know it.
 */
export class Notifier {
  readonly #desk: Desk;
  readonly #host: string;
  readonly #told = new Map<string, Told>();
  /** By zone, server and key, as BIND may have a view for each key: one at a time. */
  readonly #pending = new Map<string, Pending>();
  readonly #sockets = new Map<number, Socket>();
  readonly #cancel: () => void;
  readonly #following: Following;
  #checking: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(desk: Desk, host: string) {
    this.#desk = desk;
    this.#host = host;
    const cancels = [desk.zones.onChange(() => this.#check()), desk.nodes.onDuty(() => this.#check())];
    this.#cancel = () => {
      for (const cancel of cancels) cancel();
    };
    this.#following = keepUp(
      desk.registry,
      { anyService: true },
      { read: () => this.#check(), take: () => this.#check() },
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    this.#following.close();
    clearImmediate(this.#checking);
    for (const told of this.#told.values()) clearTimeout(told.timer);
    for (const key of [...this.#pending.keys()]) this.#settle(key);
    const sockets = [...this.#sockets.values()];
    this.#sockets.clear();
    await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(() => done()))));
  }

  /** Looks for zones with another serial, once for all commits of this turn. */
  #check(): void {
    if (this.#closed) return;
    this.#checking ??= setImmediate(() => {
      this.#checking = undefined;
      this.#compare();
    });
  }

  #compare(): void {
    if (!this.#desk.nodes.isOnDuty()) return;
    const zones = this.#desk.zones.list().filter(isWhole);
    const keys = new Set(zones.map((zone) => keyOf(zone.name)));
    for (const [key, told] of this.#told) {
      if (keys.has(key)) continue;
      clearTimeout(told.timer);
      this.#told.delete(key);
    }
    const serials = this.#desk.read((world) => zones.map((zone) => world.serialOf(zone)));
    zones.forEach((zone, i) => {
      const key = keyOf(zone.name);
      const told = this.#told.get(key) ?? { zone, serial: undefined, atMs: -INTERVAL_MS, timer: undefined };
      this.#told.set(key, told);
      told.zone = zone;
      if (told.serial === serials[i] || told.timer !== undefined) return;
      const waitMs = Math.max(0, told.atMs + INTERVAL_MS - this.#desk.clock.monotonic());
      told.timer = setTimeout(() => this.#tell(key, told), waitMs);
    });
  }

  #tell(key: string, told: Told): void {
    told.timer = undefined;
    told.atMs = this.#desk.clock.monotonic();
    told.serial = this.#desk.read((world) => world.serialOf(told.zone));
    for (const server of this.#desk.settings.notify)
      this.#begin([key, server.address, server.port, server.key && keyOf(server.key.name)].join(" "), server, told);
  }

  #begin(key: string, server: Secondary, told: Told): void {
    this.#settle(key);
    const id = randomInt(0x10000);
    const message = this.#message(id, told.zone);
    const bare =
      encodeMessage(message, UDP_BYTES_MIN - signBytes(server.key)) ??
      // The hint can be left out.
      encodeMessage({ ...message, answers: [] }, UDP_BYTES_MIN);
    if (bare === undefined) return;
    const signed = server.key && signRequest(bare, server.key, this.#desk.clock);
    const packet = signed?.packet ?? bare;
    const pending: Pending = { id, server, packet, signed, fault: undefined, tries: 0, timer: undefined };
    this.#pending.set(key, pending);
    this.#desk.log.debug({ zone: showName(told.zone.name), to: server.address, serial: told.serial }, "notify");
    this.#send(key, pending);
  }

  /** The zone's SOA goes along as a hint: it saves the secondary a question (RFC 1996 §3.7). */
  #message(id: number, zone: WholeZone): Message {
    const question = { name: zone.name, type: TYPE.SOA, class: CLASS.IN };
    const answers = this.#desk.read((world) => resolve(question, world)?.answers ?? []);
    return { ...BLANK, id, response: false, opcode: OPCODE.NOTIFY, questions: [question], answers };
  }

  #send(key: string, pending: Pending): void {
    const { packet, server } = pending;
    this.#socketFor(server.address).send(packet, server.port, server.address, () => {
      // A packet that could not be sent counts as lost: it is sent again.
    });
    const waitMs = RETRIES_MS[pending.tries++];
    pending.timer = setTimeout(() => {
      if (pending.tries > RETRIES_MS.length) {
        this.#settle(key);
        this.#giveUp(pending);
      } else this.#send(key, pending);
    }, waitMs);
    pending.timer.unref();
  }

  #giveUp({ server, fault }: Pending): void {
    const fields = { server: `${server.address} port ${server.port}` };
    if (fault === undefined) this.#desk.log.warn(fields, "a secondary does not answer NOTIFY");
    else this.#desk.log.warn({ ...fields, fault }, "a secondary's answers to NOTIFY are not signed as they must be");
  }

  #settle(key: string): void {
    clearTimeout(this.#pending.get(key)?.timer);
    this.#pending.delete(key);
  }

  #socketFor(address: string): Socket {
    const family = isIPv6(address) ? 6 : 4;
    const known = this.#sockets.get(family);
    if (known !== undefined) return known;
    const socket = createSocket(family === 6 ? "udp6" : "udp4");
    // Faults of the network show as silence.
    socket.on("error", () => {});
    socket.on("message", (packet, from) => this.#receive(packet, from.address, from.port));
    const own = this.#ownAddress(family);
    if (own !== undefined) socket.bind({ address: own, port: 0, exclusive: true });
    this.#sockets.set(family, socket);
    return socket;
  }

  /** Secondaries take NOTIFY only from the address that they transfer from. From loopback only loopback is reached. */
  #ownAddress(family: number): string | undefined {
    const host = this.#host === "localhost" ? "127.0.0.1" : this.#host;
    if (isWildcard(host) || isIPv6(host) !== (family === 6)) return undefined;
    if (!isLoopback(host)) return host;
    const own = this.#desk.settings.notify.filter((server) => isIPv6(server.address) === (family === 6));
    return own.every((server) => isLoopback(server.address)) ? host : undefined;
  }

  /** Any answer will do that is signed as it must be: a server that does not want the zone has heard of it, too. */
  #receive(packet: Buffer, address: string, port: number): void {
    const decoded = decodeMessage(packet);
    if (!decoded.ok || !decoded.value.response || decoded.value.opcode !== OPCODE.NOTIFY) return;
    const message = decoded.value;
    for (const [key, pending] of this.#pending) {
      const { id, server, signed } = pending;
      if (id !== message.id || server.address !== address || server.port !== port) continue;
      const fault = signed && answerFault(packet, message, signed, this.#desk.clock);
      if (fault !== undefined) {
        pending.fault = fault;
        this.#desk.log.debug({ server: address, fault }, "an answer to NOTIFY is not signed as it must be");
        continue;
      }
      if (message.rcode !== RCODE.NOERROR)
        this.#desk.log.debug({ server: address, rcode: message.rcode }, "a secondary did not take NOTIFY");
      this.#settle(key);
    }
  }
}
