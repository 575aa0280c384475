/** Where the page is: the address holds all that can be looked at. */
import { computed, signal } from "@preact/signals";
import { type Place, toPlace } from "../model/places.ts";

interface At {
  readonly path: string;
  readonly search: string;
}

const at = signal<At>(here());

export const place = computed<Place>(() => toPlace(at.value.path));
export const query = computed(() => new URLSearchParams(at.value.search));

function here(): At {
  return { path: location.pathname, search: location.search };
}

/** How far each entry of the history was scrolled. */
const scrolls = new Map<string, number>();
let entry = String((history.state as { entry?: string } | null)?.entry ?? "0");
let entries = Date.now();

export function navigate(url: string, { replace = false } = {}): void {
  const target = new URL(url, location.href);
  if (target.origin !== location.origin) return;
  const moved = target.pathname !== location.pathname;
  scrolls.set(entry, scrollY);
  if (!replace) entry = String(entries++);
  history[replace ? "replaceState" : "pushState"]({ entry }, "", target.pathname + target.search);
  at.value = here();
  if (moved && !replace) {
    scrollTo(0, 0);
    afterMove();
  }
}

/** Changes parameters of the address; empty ones go. */
export function setQuery(changes: Readonly<Record<string, string | null>>, replace = true): void {
  const next = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  navigate(location.pathname + (text === "" ? "" : `?${text}`), { replace });
}

/** Readers are told of the new page, and the focus goes where it begins. */
function afterMove(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true }));
}

/** The content may come later than the address: tries for a second. */
function restore(y: number, untilMs = performance.now() + 1000): void {
  scrollTo(0, y);
  if (Math.abs(scrollY - y) > 1 && performance.now() < untilMs) requestAnimationFrame(() => restore(y, untilMs));
}

export function startRouter(): void {
  history.scrollRestoration = "manual";
  addEventListener("popstate", (event) => {
    scrolls.set(entry, scrollY);
    entry = String((event.state as { entry?: string } | null)?.entry ?? "0");
    at.value = here();
    restore(scrolls.get(entry) ?? 0);
  });
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element | null)?.closest<HTMLAnchorElement>("a[href]");
    if (link == null || link.target !== "" || link.origin !== location.origin || link.hasAttribute("download")) return;
    if (link.pathname !== "/" && !link.pathname.startsWith("/ui")) return;
    event.preventDefault();
    navigate(link.href);
  });
}
