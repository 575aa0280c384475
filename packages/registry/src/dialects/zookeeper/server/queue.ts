/**
 * @live The requests of a connection, one after the other: each is answered after those before it. Writes are proposed while
 * others are under way, so that many are flushed at once; what reads waits until they are done. What takes long rests in
 * between, so that others have their turn.
 */
import { openLine } from "../../../net/answers/turns.ts";
import type { Answer } from "../desk.ts";
import type { Asked } from "./verbs.ts";

/** Writes of one connection that are under way; more wait in the socket. */
const UNDER_WAY_MAX = 512;
/** And so many bytes of them. */
const UNDER_WAY_BYTES_MAX = 4 * 1024 * 1024;
/** In one turn. */
const WORK_MS = 5;

const inTurn = openLine();

export interface QueueParts {
  /** The next request that has come; undefined while there is none, or none is to be read. */
  next(): Asked | undefined;
  wayOf(type: number): "read" | "write" | "alone";
  answer(asked: Asked): Answer | Promise<Answer>;
  /** In the order of the requests. */
  send(asked: Asked, answer: Answer): void;
  /** All that could be taken on was. */
  settled(): void;
  /** What a handler threw: a bug. */
  failed(error: unknown): void;
}

interface Slot {
  readonly asked: Asked;
  answer: Answer | undefined;
}

export class Queue {
  readonly #parts: QueueParts;
  /** Requests under way, in order. */
  #slots: Slot[] = [];
  #head: Asked | undefined;
  #bytes = 0;
  #isAlone = false;
  #isPumping = false;
  #isResting = false;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  get isIdle(): boolean {
    return this.#slots.length === 0 && this.#head === undefined && !this.#isResting;
  }

  /** Takes on what can be. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const untilMs = this.#isResting ? 0 : performance.now() + WORK_MS;
    while (
      !this.#isResting &&
      !this.#isAlone &&
      this.#slots.length < UNDER_WAY_MAX &&
      this.#bytes < UNDER_WAY_BYTES_MAX
    ) {
      this.#head ??= this.#parts.next();
      if (this.#head === undefined) break;
      const way = this.#parts.wayOf(this.#head.type);
      if (way !== "write" && this.#slots.length > 0) break;
      const asked = this.#head;
      this.#head = undefined;
      this.#isAlone = way === "alone";
      this.#begin(asked);
      if (performance.now() > untilMs) this.#rest();
    }
    this.#isPumping = false;
    this.#parts.settled();
  }

  #rest(): void {
    this.#isResting = true;
    inTurn(() => {
      this.#isResting = false;
      this.pump();
    });
  }

  #begin(asked: Asked): void {
    const answer = this.#parts.answer(asked);
    if (!(answer instanceof Promise)) {
      this.#isAlone = false;
      this.#done({ asked, answer });
      return;
    }
    const slot: Slot = { asked, answer: undefined };
    this.#slots.push(slot);
    this.#bytes += asked.bytes;
    answer.then(
      (value) => {
        slot.answer = value;
        this.#flush();
      },
      (error: unknown) => this.#parts.failed(error),
    );
  }

  /** Answered at once: in its turn all the same. */
  #done(slot: Slot): void {
    if (this.#slots.length > 0) {
      this.#slots.push(slot);
      this.#bytes += slot.asked.bytes;
    } else this.#parts.send(slot.asked, slot.answer as Answer);
  }

  #flush(): void {
    let sent = 0;
    for (const { asked, answer } of this.#slots) {
      if (answer === undefined) break;
      this.#parts.send(asked, answer);
      this.#bytes -= asked.bytes;
      sent++;
    }
    if (sent === 0) return;
    this.#slots = this.#slots.slice(sent);
    if (this.#slots.length === 0) this.#isAlone = false;
    this.pump();
  }
}
