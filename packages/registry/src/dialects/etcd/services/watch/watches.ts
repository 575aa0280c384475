/** @live Watches, as the server opens them. */
import type { Answers, Call, Talk } from "../../../../net/grpc/method.ts";
import type { WatchAsked } from "../../wire/watch.ts";
import { type Parts, Shared } from "./shared.ts";
import { WatchStream } from "./stream.ts";

export class Watches {
  readonly #shared: Shared;

  constructor(parts: Parts) {
    this.#shared = new Shared(parts);
  }

  open(call: Call, answers: Answers<Buffer>): Talk<WatchAsked> {
    return new WatchStream(this.#shared, call, answers);
  }

  close(): void {
    this.#shared.close();
  }
}
