/** Responses of streams that follow the registry, written by hand: what many clients get is encoded once for all. */
import { Message } from "../../../net/grpc/protobuf.ts";
import { framed } from "../../../net/grpc/schema.ts";
import { encodePosition, type Mark } from "../../../net/routes/position.ts";

const POSITION = 1;
const REVISION = 2;
const ITEMS = 3;
const READY = 4;
const RESYNC = 5;

/** Commits or events, as they stand in a response. */
export function encodeItems(items: readonly Uint8Array[]): Buffer {
  const message = new Message();
  for (const item of items) message.present(ITEMS, Buffer.from(item));
  return message.end();
}

/** A response with all that `encodeItems` made. */
export function joinItems(parts: readonly Buffer[], revision: number, mark: Mark): Buffer {
  const head = new Message().bytes(POSITION, encodePosition(revision, mark)).number(REVISION, revision);
  return framed(Buffer.concat([head.end(), ...parts]));
}

/** `bye` is the position alone. */
export function encodeWord(word: "ready" | "resync" | "bye", revision: number, mark: Mark): Buffer {
  const message = new Message()
    .bytes(POSITION, encodePosition(revision, mark))
    .number(REVISION, revision)
    .number(READY, word === "ready")
    .number(RESYNC, word === "resync");
  return framed(message.end());
}
