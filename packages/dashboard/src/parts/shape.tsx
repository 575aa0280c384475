/** Statuses by their shape; the word stands beside it, or is told to readers. */
import type { JSX } from "preact";
import type { Look } from "../model/status.ts";

export type ShapeName = Look | "override" | "key";

const WORDS: Readonly<Partial<Record<ShapeName, string>>> = { key: "configuration", override: "set by an operator" };

const DRAWN: Readonly<Record<ShapeName, () => JSX.Element>> = {
  passing: () => (
    <>
      <circle class="fill" cx="8" cy="8" r="7" />
      <path class="cut" d="M4.8 8.2l2.2 2.2 4.2-4.6" />
    </>
  ),
  warning: () => (
    <>
      <path class="fill" d="M8 1.2l7.2 13.2H.8z" />
      <path class="cut" d="M8 6v3.6M8 12v.1" />
    </>
  ),
  critical: () => (
    <>
      <rect class="fill" x="1" y="1" width="14" height="14" rx="2.5" />
      <path class="cut" d="M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6" />
    </>
  ),
  starting: () => (
    <>
      <circle class="line" cx="8" cy="8" r="6.5" />
      <path class="line" d="M8 11.2V5M5.4 7.4L8 4.8l2.6 2.6" />
    </>
  ),
  draining: () => (
    <>
      <circle class="line" cx="8" cy="8" r="6.5" />
      <path class="line" d="M8 4.8V11M5.4 8.6L8 11.2l2.6-2.6" />
    </>
  ),
  unknown: () => (
    <>
      <circle class="line" cx="8" cy="8" r="6.5" stroke-dasharray="2.4 1.8" />
      <path class="line" d="M6.2 6.4c0-2.4 3.6-2.4 3.6-.2 0 1.4-1.8 1.4-1.8 2.8M8 11.4v.1" />
    </>
  ),
  held: () => (
    <>
      <path class="line" d="M8 1.2l6 2v4.6c0 3.4-2.4 5.8-6 7-3.6-1.2-6-3.6-6-7V3.2z" />
      <path class="line" d="M6.4 6v4M9.6 6v4" />
    </>
  ),
  gone: () => (
    <>
      <rect class="line" x="1.5" y="1.5" width="13" height="13" rx="2" stroke-dasharray="2.6 2" />
      <path class="line" d="M5 8h6" />
    </>
  ),
  override: () => (
    <>
      <path class="line" d="M8 1.2l6 3.4v6.8l-6 3.4-6-3.4V4.6z" />
      <circle class="fill" cx="8" cy="8" r="2" />
    </>
  ),
  key: () => <path class="line" d="M5.5 2C3 2 5 7 2 8c3 1 .5 6 3.5 6M10.5 2C13 2 11 7 14 8c-3 1-.5 6-3.5 6" />,
};

/** `said`: readers hear it, as no word stands beside it. */
export function Shape({ name, large, said }: { name: ShapeName; large?: boolean; said?: boolean }): JSX.Element {
  const label = said ? { role: "img" as const, "aria-label": WORDS[name] ?? name } : { "aria-hidden": true as const };
  return (
    <svg class={`shape ${name}-shape${large ? " large" : ""}`} viewBox="0 0 16 16" {...label}>
      {DRAWN[name]()}
    </svg>
  );
}

export function Status({ name, text }: { name: Look; text?: string }): JSX.Element {
  return (
    <span class={`${name}-text`}>
      <Shape name={name} /> {text ?? name}
    </span>
  );
}
