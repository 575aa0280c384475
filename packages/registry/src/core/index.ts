/**
 * The core's only door.
 *
 * @rooms index > core > order > watch > leases > decide > catalog > registry > view > access > command > limits
 * > bytes > types
 */
export * from "../outcome.ts";
export * from "./access.ts";
export * from "./bytes.ts";
export { apply } from "./catalog/apply.ts";
export { directoriesOf } from "./catalog/directories.ts";
export { type Bound, perRevision } from "./catalog/per-revision.ts";
export * from "./catalog/restored.ts";
export { sizeOf, sizeOfCommit } from "./catalog/size.ts";
export * from "./catalog/unit.ts";
export * from "./command.ts";
export { type Core, type CoreNumbers, type CoreOptions, openCore } from "./core.ts";
export type { Rules } from "./decide/basis.ts";
export { decide } from "./decide/command.ts";
export { Draft } from "./decide/draft.ts";
export { backsUnder, linksOf, readBack } from "./decide/faces.ts";
export * from "./decide/layout.ts";
export * from "./decide/plan.ts";
export type { Hold } from "./leases/judge.ts";
export * from "./leases/keeping.ts";
export * from "./leases/policy.ts";
export { TICK_MS } from "./leases/wheel.ts";
export * from "./limits.ts";
export { Leavers } from "./order/leavers.ts";
export { RecentCommits } from "./order/recent.ts";
export * from "./order/replicator.ts";
export {
  type Made,
  type Sender,
  Sequencer,
  type SequencerOptions,
  type Settle,
  type Stamps,
} from "./order/sequencer.ts";
export * from "./registry.ts";
export * from "./types.ts";
export * from "./view.ts";
export { onAbort } from "./watch/abort.ts";
export { Chores } from "./watch/chores.ts";
export { type Follower, type Following, keepUp } from "./watch/keep-up.ts";
