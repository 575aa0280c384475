/** The core's only door. */
export * from "./access.ts";
export { apply } from "./apply.ts";
export * from "./bytes.ts";
export * from "./command.ts";
export { type Core, type CoreNumbers, type CoreOptions, openCore } from "./core.ts";
export { decide } from "./decide.ts";
export type { Rules, Stamp } from "./decision.ts";
export { TICK_MS } from "./lease.ts";
export * from "./limits.ts";
export * from "./ports.ts";
export { createSequencer, type Position, positionAfter, Sequencer, type SequencerOptions } from "./sequencer.ts";
export * from "./types.ts";
export { changeConcerns, concerns } from "./watch.ts";
export { Lost } from "./watch-iterable.ts";
