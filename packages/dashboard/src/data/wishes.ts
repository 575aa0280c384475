/** What the reader chose for this browser: theme, rows, keys, clock. */
import { effect, type Signal, signal } from "@preact/signals";

export const theme = kept<"system" | "light" | "dark">("theme", "system");
export const rows = kept<"compact" | "comfortable">("rows", "compact");
/** Single letters as shortcuts; WCAG 2.1.4 wants a way to turn them off. */
export const letters = kept<"on" | "off">("letters", "on");
export const clockZone = kept<"utc" | "local">("clock", "utc");

function kept<T extends string>(name: string, fallback: T): Signal<T> {
  const key = `rollcall.${name}`;
  const value = signal<T>((localStorage.getItem(key) as T | null) ?? fallback);
  effect(() => localStorage.setItem(key, value.value));
  return value;
}

export function startWishes(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
  effect(() => {
    document.documentElement.dataset.rows = rows.value;
  });
}

export function nextTheme(): void {
  theme.value = theme.value === "system" ? "dark" : theme.value === "dark" ? "light" : "system";
}
