/** Callbacks as calls of the house: where one may go, and what is sent. */
import { isIPv6 } from "node:net";
import type { Call, Calls } from "../../contract.ts";
import { chooseAddress, type Hosts, parseReply, type Reply, toAddress } from "../hosts.ts";

/** From its turn to the head of the answer. */
const CALL_MS_MAX = 5000;

export interface Told {
  readonly reply: string;
  readonly port: number;
  readonly asker: string;
  /** The callback's own uuid. */
  readonly uuid: string;
  readonly body: string;
}

function chooseFor(text: string, asker: string, hosts: Hosts, addresses: readonly string[]): string | undefined {
  const reply = parseReply(text);
  if (reply === undefined) return undefined;
  const all = addresses.flatMap((address) => toAddress(address) ?? []);
  return chooseAddress(reply, all, asker, hosts);
}

function hostOf(reply: Reply): string {
  return reply.kind === "address" ? reply.address : reply.name;
}

/** A host with its port, as URLs and the header Host have them. */
function placeOf(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Whether there is an address now at which this reply may be called. */
export async function mayCall(text: string, asker: string, hosts: Hosts, calls: Calls): Promise<boolean> {
  const reply = parseReply(text);
  if (reply === undefined) return false;
  return chooseFor(text, asker, hosts, await calls.find(hostOf(reply))) !== undefined;
}

export function toCall({ reply, port, asker, uuid, body }: Told, hosts: Hosts, again: boolean): Call {
  const parsed = parseReply(reply);
  const place = placeOf(parsed === undefined ? reply : hostOf(parsed), port);
  return {
    method: "DELETE",
    url: new URL(`http://${place}/skydns/callbacks/${encodeURIComponent(uuid)}`),
    // As it was written.
    headers: { Host: placeOf(reply, port) },
    body,
    turn: `skydns ${place}`,
    again,
    timeoutMs: CALL_MS_MAX,
    choose: (addresses) => chooseFor(reply, asker, hosts, addresses),
  };
}
