/** @live Subscriptions of the trio with push: all endpoints that are wanted, whenever they change. */
import { type Account, type Outcome, ok, type Registry } from "../../../../core/index.ts";
import {
  decodeSubscribe,
  findEndpoints,
  refuseBroad,
  toEndpoint,
  versionOf,
  type Want,
} from "../../../../native/catalog/endpoints.ts";
import { encodePiece, type Rendering } from "../../../../native/follow/pieces.ts";
import type { Answers, ServerStream } from "../../../../net/grpc/method.ts";
import { framed } from "../../../../net/grpc/schema.ts";
import { encodeMessage, toBody } from "../../calls.ts";
import type { Desk } from "../../desk.ts";
import type { SubscribeRequest } from "../../proto/generated/registry.ts";
import { PACKAGE, SCHEMA } from "../../proto/schema.ts";
import { type Asked, followFor } from "../follow/following.ts";

const PATH = `/${PACKAGE}.Endpoints/Subscribe`;
const NONE = Buffer.alloc(0);

export const SUBSCRIBE: ServerStream<Desk, SubscribeRequest, Buffer> = {
  kind: "server",
  path: PATH,
  codec: { decode: SCHEMA.codec<SubscribeRequest, never>(PATH).decode, encode: (message) => message },
  handle: (desk, call, request, answers: Answers<Buffer>) =>
    followFor(desk, { call, account: request.account, need: "reader" }, answers, (account) =>
      prepare(desk, account, request),
    ),
};

/** Which endpoints a response holds. */
const versions = new WeakMap<Buffer, string>();

/** The state of now as a response; empty where the client has it. */
class State {
  readonly #registry: Registry;
  readonly #account: Account;
  readonly #wants: readonly Want[];
  #version: string;

  constructor(registry: Registry, account: Account, wants: readonly Want[], version: string) {
    this.#registry = registry;
    this.#account = account;
    this.#wants = wants;
    this.#version = version;
  }

  encode(): Buffer {
    const endpoints = findEndpoints(this.#registry, this.#account, this.#wants);
    const version = versionOf(endpoints);
    const shown = { version, endpoints: endpoints.map(toEndpoint) };
    const response = framed(encodeMessage(`${PACKAGE}.SubscribeResponse`, shown));
    versions.set(response, version);
    return response;
  }

  /** What of it is new. */
  take(response: Buffer): Buffer {
    const version = versions.get(response);
    if (version === undefined || version === this.#version) return NONE;
    this.#version = version;
    return response;
  }
}

function prepare({ registry }: Desk, account: Account, request: SubscribeRequest): Outcome<Asked> {
  const { account: _, subscribes = [], ...body } = toBody(request) as Readonly<Record<string, unknown>>;
  const asked = decodeSubscribe({ subscribes, ...body });
  if (!asked.ok) return asked;
  const { wants, version = "" } = asked.value;
  const broad = refuseBroad(registry, account, wants);
  if (broad !== undefined) return broad;
  const state = new State(registry, account, wants, version);
  const kind = `grpc endpoints ${account} ${JSON.stringify(wants)}`;
  const rendering: Rendering<string> = { render: () => "", join: () => state.encode() };
  return ok({
    scope: { account, services: [...new Set(wants.map(({ provider }) => provider))] },
    after: undefined,
    encode(commits) {
      const piece = encodePiece(commits, kind, rendering);
      return { ...piece, bytes: state.take(piece.bytes) };
    },
    say: (word) => (word === "ready" ? state.take(state.encode()) : NONE),
  });
}
