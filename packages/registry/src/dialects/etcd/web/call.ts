/** @live A request of HTTP/1.1 as a call, the same as handlers of gRPC get. */
import type { Call } from "../../../net/grpc/method.ts";
import type { Reply } from "../../../net/http/reply.ts";
import type { Request } from "../../../net/http/request.ts";

export class WebCall implements Call {
  readonly path: string;
  readonly #request: Request;
  readonly #reply: Reply;
  #aborting: AbortController | undefined;

  constructor(request: Request, reply: Reply, path: string) {
    this.#request = request;
    this.#reply = reply;
    this.path = path;
  }

  /** The token may come in each of the ways that clients of etcd have, and in those of the registry. */
  metadata(name: string): string | undefined {
    return name === "token" ? tokenOf(this.#request) : this.#request.header(name);
  }

  get peer(): string {
    return this.#request.remoteAddress;
  }

  get signal(): AbortSignal {
    if (this.#aborting === undefined) {
      this.#aborting = new AbortController();
      this.#reply.onGone(() => this.abort());
    }
    return this.#aborting.signal;
  }

  abort(): void {
    this.#aborting?.abort();
  }

  /** Empty until it is let in. */
  get account(): string {
    return this.#request.account ?? "";
  }

  set account(account: string) {
    this.#request.account = account;
  }

  get who(): string {
    return this.#request.who ?? "";
  }

  set who(who: string) {
    this.#request.who = who;
  }
}

/** `Authorization` with a token alone, with "Bearer", or with a name and a password that is the token. */
function tokenOf(request: Request): string | undefined {
  const { token } = request;
  if (!token.ok || token.value === undefined) return undefined;
  const basic = /^basic +([A-Za-z0-9+/=]+)$/i.exec(token.value)?.[1];
  if (basic === undefined) return token.value === "" ? undefined : token.value;
  const shown = Buffer.from(basic, "base64").toString("utf8");
  return shown.slice(shown.indexOf(":") + 1) || undefined;
}
