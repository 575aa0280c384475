/** @live The service Leases. */
import { type Account, ok, refuse } from "../../../../core/index.ts";
import { grant } from "../../../../native/leases/grant.ts";
import { isHiddenLease } from "../../../../native/wire/reserved.ts";
import type { Method } from "../../../../net/grpc/method.ts";
import { toBody, unary } from "../../calls.ts";
import type { Asker, Desk } from "../../desk.ts";
import type { EndRequest, GrantRequest } from "../../proto/generated/registry.ts";
import { PACKAGE } from "../../proto/schema.ts";
import { readBeats } from "../../wire/beats.ts";
import { KeepAlives } from "./keep-alive.ts";

function grantLease(_desk: Desk, account: Account, request: GrantRequest, asker: Asker) {
  const { account: _, ...body } = toBody(request) as Readonly<Record<string, unknown>>;
  return grant(asker, account, body, "grpc");
}

async function end(_desk: Desk, account: Account, { lease }: EndRequest, asker: Asker) {
  if (isHiddenLease(lease)) return refuse("not-found", `there is no lease ${lease}`);
  const ended = await asker.propose(account, { kind: "end", lease, cause: "closed" });
  return ended.ok ? ok({ revision: ended.value.revision }) : ended;
}

export const LEASES: readonly Method<Desk>[] = [
  unary<GrantRequest>("Leases/Grant", "writer", grantLease),
  unary<EndRequest>("Leases/End", "writer", end),
  {
    kind: "both",
    path: `/${PACKAGE}.Leases/KeepAlive`,
    codec: { decode: readBeats, encode: (message) => message },
    open: (desk, call, answers) => new KeepAlives(desk, call, answers),
  },
];
