/** Who leads: there is one leader as clients of Consul see it, this registry, on however many nodes it runs. */
import type { Agent, Handle } from "../desk.ts";
import { jsonOf } from "../wire/answer.ts";

const RAFT_PORT = 8300;

/** `GET /v1/status/leader` */
export const showLeader: Handle = ({ agent }) => jsonOf(raftAddressOf(agent));

/** `GET /v1/status/peers` */
export const listPeers: Handle = ({ agent }) => jsonOf([raftAddressOf(agent)]);

/** Nobody listens there; clients ask for no more than that it is there. */
export function raftAddressOf({ address }: Agent): string {
  return `${address.includes(":") ? `[${address}]` : address}:${RAFT_PORT}`;
}
