/** What was asked for and is not yet confirmed by the stream: no guessing, the row says so. */
import { signal } from "@preact/signals";
import { listen } from "./live.ts";

/** `service\0id` of instances. */
export const pending = signal<ReadonlySet<string>>(new Set());

const FORGOTTEN_MS = 10_000;

export function isAskedFor(service: string, id: string): boolean {
  return pending.value.has(`${service}\0${id}`);
}

export function asked(service: string, id: string): void {
  const key = `${service}\0${id}`;
  pending.value = new Set([...pending.value, key]);
  const done = (): void => {
    forget();
    clearTimeout(timer);
    pending.value = new Set([...pending.value].filter((one) => one !== key));
  };
  const timer = setTimeout(done, FORGOTTEN_MS);
  const forget = listen({
    commits: (commits) => {
      const isIt = commits.some(({ changes }) =>
        changes.some((one) => one.kind === "instance" && one.service === service && one.id === id),
      );
      if (isIt) done();
    },
    resync: done,
  });
}
