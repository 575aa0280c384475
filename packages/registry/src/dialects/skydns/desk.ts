/** What every handler works with, and what it answers. */
import type { Access, Clock, Registry } from "../../core/index.ts";
import type { Settings } from "./settings.ts";

export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly settings: Settings;
}

export type Answer =
  /** No body at all. */
  | { readonly kind: "empty"; readonly status: number }
  /** A line of plain text: how Go says what is wrong. */
  | { readonly kind: "word"; readonly status: number; readonly text: string }
  /** 200 with this text. */
  | { readonly kind: "text"; readonly text: string };

/** A list is 200 with a text that may be long; at least one piece. */
export type ListAnswer = Answer | { readonly kind: "pieces"; readonly pieces: Iterable<string> };
