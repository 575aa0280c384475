/** @live Members: each node of the registry is one. Who they are is not for clients to say. */
import { setTimeout as wait } from "node:timers/promises";
import type { NodeNumbers } from "../../../../core/index.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { type Desk, headOf, within } from "../../desk.ts";
import { ERRORS } from "../../refusals.ts";

/** So long are others given to say where clients reach them. */
const ASKED_MS = 200;

export interface Member {
  readonly ID: bigint;
  readonly name: string;
  readonly peerURLs: string[];
  readonly clientURLs: string[];
}

/** Those that the registry runs on, as far as this one knows; alone, itself. */
export function nodesOf({ status }: Desk): readonly Pick<NodeNumbers, "name" | "address" | "isOnDuty" | "isPresent">[] {
  const cluster = status.cluster();
  if (cluster !== undefined && cluster.nodes.length > 0) return cluster.nodes;
  return [{ name: status.name, address: "", isOnDuty: true, isPresent: true }];
}

export async function membersOf(desk: Desk): Promise<Member[]> {
  const { addresses } = desk;
  const own = ownName(desk);
  const isUnknown = (): boolean =>
    nodesOf(desk).some(({ name, isPresent }) => name !== own && isPresent && addresses.of(name) === undefined);
  if (isUnknown()) {
    addresses.ask();
    await wait(ASKED_MS);
  }
  return nodesOf(desk).map(({ name, address }) => ({
    ID: desk.memberId(name),
    name,
    // Nobody but nodes speaks there; clients only show it.
    peerURLs: address === "" ? [] : [`http://${address}`],
    clientURLs: [...(name === own ? addresses.urls : (addresses.of(name) ?? []))],
  }));
}

function ownName({ status }: Desk): string {
  return status.cluster()?.name ?? status.name;
}

/** The member that decides for all; the one that is asked while nobody does. */
export function leaderOf(desk: Desk): bigint {
  return desk.memberId(nodesOf(desk).find(({ isOnDuty }) => isOnDuty)?.name ?? ownName(desk));
}

/** Its head has no revision, as in the original. */
export function list(desk: Desk, call: Call) {
  return within(desk, call, "reader", async () => ({ header: headOf(desk, 0), members: await membersOf(desk) }));
}

export function refuse(desk: Desk, call: Call) {
  return within(desk, call, "admin", () => NOT_OURS);
}

export function refuseOf(desk: Desk, call: Call, { ID }: { readonly ID: bigint }) {
  return within(desk, call, "admin", () =>
    nodesOf(desk).some(({ name }) => desk.memberId(name) === ID) ? NOT_OURS : ERRORS.memberNotFound,
  );
}

const NOT_OURS = new Status(
  CODES.failedPrecondition,
  "etcdserver: not capable: nodes of Rollcall come and go by being started and stopped, not by requests",
);
