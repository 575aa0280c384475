/** The core's only door. */
export * from "./access.ts";
export * from "./bytes.ts";
export * from "./command.ts";
export * from "./limits.ts";
export * from "./ports.ts";
export * from "./types.ts";
