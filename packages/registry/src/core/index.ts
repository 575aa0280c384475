/** The core's only door. */
export * from "../outcome.ts";
export * from "./access.ts";
export * from "./bytes.ts";
export { apply } from "./catalog/apply.ts";
export { type Bound, perRevision } from "./catalog/per-revision.ts";
export * from "./command.ts";
export { type Core, type CoreNumbers, type CoreOptions, openCore } from "./core.ts";
export { decide } from "./decide/command.ts";
export type { Rules, Stamp } from "./decide/setting.ts";
export { TICK_MS } from "./leases/wheel.ts";
export * from "./limits.ts";
export { succeeded, untilDecided } from "./order/attempt.ts";
export { createSequencer, type Position, positionAfter, Sequencer, type SequencerOptions } from "./order/sequencer.ts";
export * from "./ports.ts";
export * from "./types.ts";
export { changeConcerns, concerns } from "./watch/hub.ts";
export { Lost } from "./watch/iterable.ts";
export { type Follower, type Following, keepUp } from "./watch/keep-up.ts";
