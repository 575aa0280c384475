/** Requests and responses of the discovery service, state of the world and delta: envoy.service.discovery.v3 */

import { HEAD_BYTES } from "../../../net/grpc/method.ts";
import { Message, readFields } from "../../../net/grpc/protobuf.ts";
import type { Resource } from "./resources.ts";

/** What both forms of a request say. */
export interface Asked {
  readonly type: string;
  /** All that are wanted; of a delta those that are wanted from now on. */
  readonly names: readonly string[];
  /** Of a delta: those that are wanted no more. */
  readonly dropped: readonly string[];
  /** Of a delta: what the client has from an earlier stream. */
  readonly known: ReadonlyMap<string, string>;
  /** Of the response that is answered; empty where none is. */
  readonly nonce: string;
  /** Why the response was not taken. */
  readonly error: string | undefined;
  readonly node: Node;
}

/** What the metadata of the client's node say: a client may have no other place to say it. */
export interface Node {
  readonly account: string;
  readonly token: string;
}

const NOBODY: Node = { account: "", token: "" };

const text = (bytes: Buffer): string => bytes.toString("utf8");

/** The first text of this field. */
function textIn(message: Buffer, field: number): string {
  let found = "";
  readFields(message, (number, _number, bytes) => {
    if (number === field) found = text(bytes);
  });
  return found;
}

/** Its metadata are a `google.protobuf.Struct`: a map from texts to values, which may be texts. */
function readNode(node: Buffer): Node {
  const found = new Map<string, string>();
  readFields(node, (field, _number, metadata) => {
    if (field !== 3) return;
    readFields(metadata, (_entry, _none, entry) => {
      readFields(entry, (part, _nothing, value) => {
        if (part === 2) found.set(textIn(entry, 1), textIn(value, 3));
      });
    });
  });
  return { account: found.get("rollcall_account") ?? "", token: found.get("rollcall_token") ?? "" };
}

function readError(status: Buffer): string {
  return textIn(status, 2).slice(0, 1000);
}

const NONE: ReadonlyMap<string, string> = new Map();

/** A DiscoveryRequest. */
export function readWhole(message: Buffer): Asked {
  let [type, nonce, node] = ["", "", NOBODY];
  let error: string | undefined;
  const names: string[] = [];
  readFields(message, (field, _number, bytes) => {
    if (field === 2) node = readNode(bytes);
    else if (field === 3) names.push(text(bytes));
    else if (field === 4) type = text(bytes);
    else if (field === 5) nonce = text(bytes);
    else if (field === 6) error = readError(bytes);
  });
  return { type, names, dropped: [], known: NONE, nonce, error, node };
}

/** A DeltaDiscoveryRequest. */
export function readDelta(message: Buffer): Asked {
  let [type, nonce, node] = ["", "", NOBODY];
  let error: string | undefined;
  const [names, dropped]: [string[], string[]] = [[], []];
  const known = new Map<string, string>();
  readFields(message, (field, _number, bytes) => {
    if (field === 1) node = readNode(bytes);
    else if (field === 2) type = text(bytes);
    else if (field === 3) names.push(text(bytes));
    else if (field === 4) dropped.push(text(bytes));
    else if (field === 5) {
      known.set(textIn(bytes, 1), textIn(bytes, 2));
    } else if (field === 6) nonce = text(bytes);
    else if (field === 7) error = readError(bytes);
  });
  return { type, names, dropped, known, nonce, error, node };
}

export interface Response {
  readonly type: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
  /** Of a delta. */
  readonly gone: readonly string[];
}

/** What was written last of a resource that a response has alone: a crowd of clients that follow it is told the same. */
const written = new WeakMap<
  Resource,
  { readonly response: Response; readonly isDelta: boolean; readonly bytes: Buffer }
>();

/** A DiscoveryResponse or a DeltaDiscoveryResponse. The buffer may be another client's, too. */
export function writeResponse(response: Response, isDelta: boolean): Buffer {
  const { version, nonce, resources, gone } = response;
  const [only] = resources;
  if (only === undefined || resources.length > 1 || gone.length > 0) return write(response, isDelta);
  const last = written.get(only);
  if (last?.isDelta === isDelta && last.response.nonce === nonce && last.response.version === version)
    return last.bytes;
  const bytes = write(response, isDelta);
  written.set(only, { response, isDelta, bytes });
  return bytes;
}

function write(response: Response, isDelta: boolean): Buffer {
  return isDelta ? writeDelta(response) : writeWhole(response);
}

/** A DiscoveryResponse. */
function writeWhole({ type, version, nonce, resources }: Response): Buffer {
  const message = new Message().bytes(1, version);
  for (const { any } of resources) message.present(2, any);
  return message.bytes(4, type).bytes(5, nonce).end(HEAD_BYTES);
}

/** A DeltaDiscoveryResponse. */
function writeDelta({ type, version, nonce, resources, gone }: Response): Buffer {
  const message = new Message().bytes(1, version);
  for (const one of resources)
    message.message(2, new Message().bytes(1, one.version).present(2, one.any).bytes(3, one.name));
  message.bytes(4, type).bytes(5, nonce);
  for (const name of gone) message.bytes(6, name);
  return message.end(HEAD_BYTES);
}
