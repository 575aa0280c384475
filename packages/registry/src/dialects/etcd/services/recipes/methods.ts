/** @live The services v3lock and v3election. */
import type { Method } from "../../../../net/grpc/method.ts";
import { server, unary } from "../../calls.ts";
import type { Desk } from "../../desk.ts";
import type * as elections from "../../proto/generated/v3election.ts";
import type * as locks from "../../proto/generated/v3lock.ts";
import { campaign, leader, proclaim, resign } from "./election.ts";
import { lock, unlock } from "./lock.ts";
import { observe } from "./observe.ts";

export const RECIPES: readonly Method<Desk>[] = [
  unary<locks.LockRequest, locks.LockResponse>("/v3lockpb.Lock/Lock", lock),
  unary<locks.UnlockRequest, locks.UnlockResponse>("/v3lockpb.Lock/Unlock", unlock),
  unary<elections.CampaignRequest, elections.CampaignResponse>("/v3electionpb.Election/Campaign", campaign),
  unary<elections.ProclaimRequest, elections.ProclaimResponse>("/v3electionpb.Election/Proclaim", proclaim),
  unary<elections.LeaderRequest, elections.LeaderResponse>("/v3electionpb.Election/Leader", leader),
  unary<elections.ResignRequest, elections.ResignResponse>("/v3electionpb.Election/Resign", resign),
  server<elections.LeaderRequest, elections.LeaderResponse>("/v3electionpb.Election/Observe", observe),
];
