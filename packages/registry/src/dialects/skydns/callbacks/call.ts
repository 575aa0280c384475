/** @live Sends one callback: a request of our own, only to where it may go, with a deadline. */
import { lookup } from "node:dns/promises";
import { request } from "node:http";
import { isIPv6 } from "node:net";
import { chooseAddress, type Hosts, parseReply, type Reply, toAddress } from "../hosts.ts";

/** From the first look-up to the head of the answer. */
const CALL_MS_MAX = 5000;

/** `unreachable`: nothing was sent. `lost`: it was sent, but no answer came. */
export type Called = "answered" | "unreachable" | "lost" | "forbidden";

/** The address at which a reply is called now; undefined when there is none that may be called. */
export async function resolveReply(text: string, asker: string, hosts: Hosts): Promise<string | undefined> {
  const reply = parseReply(text);
  if (reply === undefined) return undefined;
  return chooseAddress(reply, await addressesOf(reply), asker, hosts);
}

async function addressesOf(reply: Reply): Promise<readonly string[]> {
  if (reply.kind === "address") return [reply.address];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), CALL_MS_MAX);
  });
  const found = lookup(reply.name, { all: true }).then(
    (all) => all.flatMap(({ address }) => toAddress(address) ?? []),
    () => [],
  );
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}

export interface Call {
  readonly reply: string;
  readonly port: number;
  readonly asker: string;
  /** The callback's own uuid. */
  readonly uuid: string;
  readonly body: string;
}

export async function call(what: Call, hosts: Hosts, signal: AbortSignal): Promise<Called> {
  // The name is looked up once, and what was looked at is what is called: it cannot become another in between.
  const address = await resolveReply(what.reply, what.asker, hosts);
  if (address === undefined) return "forbidden";
  return send(what, address, signal);
}

function send({ reply, port, uuid, body }: Call, address: string, signal: AbortSignal): Promise<Called> {
  return new Promise((resolve) => {
    let connected = false;
    const bytes = Buffer.from(body, "utf8");
    const host = isIPv6(reply) ? `[${reply}]` : reply;
    const outgoing = request({
      host: address,
      port,
      method: "DELETE",
      path: `/skydns/callbacks/${encodeURIComponent(uuid)}`,
      headers: { Host: `${host}:${port}`, "User-Agent": "rollcall", "Content-Length": bytes.length },
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_MS_MAX)]),
    });
    outgoing.on("socket", (socket) => {
      socket.once("connect", () => {
        connected = true;
      });
    });
    outgoing.on("response", (response) => {
      // Whatever it says, it was told; a redirect is not followed.
      response.destroy();
      resolve("answered");
    });
    outgoing.on("error", () => resolve(connected ? "lost" : "unreachable"));
    outgoing.on("close", () => resolve(connected ? "lost" : "unreachable"));
    outgoing.end(bytes);
  });
}
