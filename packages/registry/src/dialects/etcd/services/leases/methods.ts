/** @live The service Lease. */
import type { Method } from "../../../../net/grpc/method.ts";
import { unary } from "../../calls.ts";
import type { Desk } from "../../desk.ts";
import type * as rpc from "../../proto/generated/rpc.ts";
import { readKeepAlive } from "../../wire/heartbeat.ts";
import { decoder } from "../../wire/requests.ts";
import { grant, list, revoke, timeToLive } from "./grants.ts";
import { KeepAlives } from "./keep-alive.ts";

/** What is written is encoded already. */
const AS_IT_IS = (message: Buffer): Buffer => message;

export const LEASE: readonly Method<Desk>[] = [
  unary<rpc.LeaseGrantRequest, rpc.LeaseGrantResponse>("/etcdserverpb.Lease/LeaseGrant", grant),
  unary<rpc.LeaseRevokeRequest, rpc.LeaseRevokeResponse>("/etcdserverpb.Lease/LeaseRevoke", revoke),
  unary<rpc.LeaseTimeToLiveRequest, rpc.LeaseTimeToLiveResponse>("/etcdserverpb.Lease/LeaseTimeToLive", timeToLive),
  unary<rpc.LeaseLeasesRequest, rpc.LeaseLeasesResponse>("/etcdserverpb.Lease/LeaseLeases", list),
  {
    kind: "both",
    path: "/etcdserverpb.Lease/LeaseKeepAlive",
    codec: { decode: decoder(readKeepAlive), encode: AS_IT_IS },
    open: (desk, call, answers) => new KeepAlives(desk, call, answers),
  },
];
