/**
 * @live Who may stay when a listener is full. Its connections stand in the order of their last whole request; to make
 * room, the one that has been idle for longest goes. A newcomer is refused when nobody is idle.
 */
import type { Socket } from "node:net";
import { type Outcome, ok, refuse } from "../outcome.ts";

export interface CrowdLimits {
  readonly connectionsMax: number;
  /** Connections of one address; 0 for no such limit. */
  readonly connectionsPerAddressMax: number;
}

/**
 * `working`: a whole request is here, and its answer is not given yet; such a connection stays. `halfway`: part of a
 * request has come, or of an answer has gone; such a connection is spared once for each request. Others are `idle`.
 */
export type Occupation = "idle" | "halfway" | "working";

/** Connections that may be closed, the one that should go first at the head. Moving one costs the same however many there are. */
class Row {
  readonly #ends: Link = new Link(undefined);
  size = 0;

  get first(): Link | undefined {
    return this.#ends.next === this.#ends ? undefined : this.#ends.next;
  }

  append(link: Link): void {
    link.row?.remove(link);
    const last = this.#ends.previous;
    link.previous = last;
    link.next = this.#ends;
    last.next = link;
    this.#ends.previous = link;
    link.row = this;
    this.size += 1;
  }

  remove(link: Link): void {
    link.previous.next = link.next;
    link.next.previous = link.previous;
    link.row = undefined;
    this.size -= 1;
  }
}

class Link {
  readonly place: Place | undefined;
  row: Row | undefined = undefined;
  previous: Link = this;
  next: Link = this;

  constructor(place: Place | undefined) {
    this.place = place;
  }
}

/** All connections of a listener, or those of one address. */
class Group {
  readonly max: number;
  open = 0;
  /** Those that have not said a whole request yet. */
  readonly fresh = new Row();
  readonly known = new Row();

  constructor(max: number) {
    this.max = max;
  }

  /** Closes the connection that has been idle for longest; false when none is. */
  makeRoom(): boolean {
    for (let link = this.#next(); link !== undefined; link = this.#next()) {
      const place = link.place as Place;
      const occupation = place.occupation;
      // It comes back into the row with its answer.
      if (occupation === "working") link.row?.remove(link);
      else if (occupation === "halfway" && !place.isSpared) {
        place.isSpared = true;
        link.row?.append(link);
      } else {
        place.giveWay();
        return true;
      }
    }
    return false;
  }

  /** The older one; but those that only come and say nothing never push out more than half of the others. */
  #next(): Link | undefined {
    const [fresh, known] = [this.fresh.first, this.known.first];
    if (fresh === undefined || known === undefined) return fresh ?? known;
    if (this.fresh.size > this.max / 2) return fresh;
    return (fresh.place as Place).usedAt < (known.place as Place).usedAt ? fresh : known;
  }
}

/** A connection among the others. */
export class Place {
  readonly socket: Socket;
  /** When it came or was last used, as a number that grows. */
  usedAt: number;
  isSpared = false;
  readonly #crowd: Crowd;
  readonly #links: readonly (readonly [Group, Link])[];
  readonly #occupation: () => Occupation;
  /** Those of its whole requests. */
  #bytesRead = 0;
  #isOpen = true;

  constructor(crowd: Crowd, socket: Socket, groups: readonly Group[], occupation: () => Occupation) {
    this.socket = socket;
    this.usedAt = crowd.tick();
    this.#crowd = crowd;
    this.#occupation = occupation;
    this.#links = groups.map((group) => [group, new Link(this)]);
    for (const [group, link] of this.#links) {
      group.open += 1;
      group.fresh.append(link);
    }
  }

  get occupation(): Occupation {
    const told = this.#occupation();
    if (told !== "idle") return told;
    return this.socket.writableLength > 0 || this.socket.bytesRead !== this.#bytesRead ? "halfway" : "idle";
  }

  /** To be called when a whole request has its answer. `bytesRead`: all that came, up to its end. */
  used(bytesRead = this.socket.bytesRead): void {
    if (!this.#isOpen) return;
    this.usedAt = this.#crowd.tick();
    this.isSpared = false;
    this.#bytesRead = bytesRead;
    for (const [group, link] of this.#links) group.known.append(link);
  }

  /** The same connection has another socket, as with TLS. */
  share(socket: Socket): void {
    places.set(socket, this);
  }

  giveWay(): void {
    this.leave();
    this.#crowd.evict(this.socket);
  }

  leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const [group, link] of this.#links) {
      group.open -= 1;
      link.row?.remove(link);
    }
    this.#crowd.forget(this);
  }
}

const places = new WeakMap<Socket, Place>();

/** The place of a connection that was let in. */
export function placeOf(socket: Socket): Place | undefined {
  return places.get(socket);
}

/** The connections of one listener. */
export class Crowd {
  readonly #limits: CrowdLimits;
  /** Closes a connection that makes room for another. */
  readonly evict: (socket: Socket) => void;
  readonly #all: Group;
  readonly #perAddress = new Map<string, Group>();
  readonly #places = new Set<Place>();
  #ticks = 0;

  constructor(limits: CrowdLimits, evict: (socket: Socket) => void = (socket) => socket.destroy()) {
    this.#limits = limits;
    this.evict = evict;
    this.#all = new Group(limits.connectionsMax);
  }

  get size(): number {
    return this.#places.size;
  }

  get sockets(): readonly Socket[] {
    return [...this.#places].map(({ socket }) => socket);
  }

  tick(): number {
    this.#ticks += 1;
    return this.#ticks;
  }

  /** Lets a connection in, if need be in the place of an idle one. `occupation` is `idle` as well when its owner knows nothing of it. */
  enter(socket: Socket, occupation: () => Occupation): Outcome<Place> {
    const { connectionsMax, connectionsPerAddressMax } = this.#limits;
    const groups = [this.#all];
    const address = socket.remoteAddress ?? "";
    if (connectionsPerAddressMax > 0) {
      const own = this.#perAddress.get(address) ?? new Group(connectionsPerAddressMax);
      if (own.open >= own.max && !own.makeRoom()) return refuse("limit", "too many connections from this address");
      groups.push(own);
    }
    if (this.#all.open >= connectionsMax && !this.#all.makeRoom()) return refuse("limit", "too many connections");
    const own = groups[1];
    if (own !== undefined) this.#perAddress.set(address, own);
    const place = new Place(this, socket, groups, occupation);
    this.#places.add(place);
    places.set(socket, place);
    socket.on("close", () => {
      place.leave();
      if (own?.open === 0 && this.#perAddress.get(address) === own) this.#perAddress.delete(address);
    });
    return ok(place);
  }

  forget(place: Place): void {
    this.#places.delete(place);
  }
}
