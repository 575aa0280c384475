/** Shortcuts: none while somebody types, none when they are turned off. */
import { signal } from "@preact/signals";
import { navigate, place } from "../data/router.ts";
import { account } from "../data/session.ts";
import { letters, nextTheme } from "../data/wishes.ts";
import { pathTo } from "../model/places.ts";
import { copy } from "../parts/copy.tsx";

export const isSearchOpen = signal(false);
export const isHelpOpen = signal(false);

const GO_MS = 1500;
const PAGES: Readonly<Record<string, () => string>> = {
  o: () => pathTo(account.value),
  e: () => pathTo(account.value, "events"),
  d: () => pathTo(account.value, "map"),
  c: () => pathTo(account.value, "config"),
  n: () => "/ui/cluster",
};

export const SHORTCUTS: readonly (readonly [keys: string, what: string])[] = [
  ["/ or Ctrl K", "search services, instances, addresses"],
  ["?", "this list"],
  ["g o", "overview"],
  ["g e", "events"],
  ["g d", "map: who depends on whom"],
  ["g c", "configuration"],
  ["g n", "cluster: the nodes"],
  ["j k", "next and former row"],
  ["Enter", "open the row"],
  ["Esc", "close, or one level up"],
  ["f", "filter"],
  ["[ ]", "move the range's start"],
  ["{ }", "move the range's end"],
  ["e", "edit"],
  ["y", "copy the page's link"],
  [".", "what can be done with the row"],
  ["t", "theme: system, dark, light"],
];

let goUntilMs = 0;

/** Pages and tables hear of a key as an event of the window: `rollcall:row` with a step, `rollcall:key` with the key. */
function tell(name: string, detail: unknown): void {
  dispatchEvent(new CustomEvent(`rollcall:${name}`, { detail }));
}

export function startKeys(): void {
  addEventListener("keydown", (event) => {
    const isOpen = document.querySelector("dialog[open]") !== null;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && !isOpen) {
      event.preventDefault();
      isSearchOpen.value = true;
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement;
    if (target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) {
      if (event.key === "Escape" && !isOpen) target.blur();
      return;
    }
    if (isOpen) return;
    if (event.key === "Escape") up();
    else if (letters.value === "on" && press(event.key)) event.preventDefault();
  });
}

/** Whether the key means something. */
function press(key: string): boolean {
  if (performance.now() < goUntilMs) {
    goUntilMs = 0;
    const page = PAGES[key];
    if (page !== undefined) navigate(page());
    return page !== undefined;
  }
  const deed = DEEDS[key];
  deed?.();
  return deed !== undefined;
}

const DEEDS: Readonly<Record<string, () => void>> = {
  g: () => {
    goUntilMs = performance.now() + GO_MS;
  },
  "/": () => {
    isSearchOpen.value = true;
  },
  "?": () => {
    isHelpOpen.value = true;
  },
  t: nextTheme,
  y: () => copy(location.href),
  j: () => tell("row", 1),
  k: () => tell("row", -1),
  f: () => document.querySelector<HTMLInputElement>("[data-filter]")?.focus(),
  e: () => tell("key", "e"),
  ".": () => tell("key", "."),
  "[": () => tell("key", "["),
  "]": () => tell("key", "]"),
  "{": () => tell("key", "{"),
  "}": () => tell("key", "}"),
};

function up(): void {
  const at = place.value;
  if (at.page === "instance") navigate(pathTo(at.account, "services", at.service));
  else if (at.page === "service") navigate(pathTo(at.account));
}
