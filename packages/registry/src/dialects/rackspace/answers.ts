/** Answers that many handlers give, and what they show. */
import type { Account, AccountView, View } from "../../core/index.ts";
import type { Answer, Call, Desk, LastBeat } from "./desk.ts";
import { type Page, type PageRequest, toListBody } from "./wire/page.ts";

/** How far the time of a beat as the registry tells it may lie off: its lease time moves in ticks. */
const PULSE_ERROR_MS = 500;

/** The exact time of the last heartbeat that came in here; another dialect's when that is clearly later. */
export function lastBeatIn({ registry, tokens }: Desk, account: Account): LastBeat {
  return (lease) => {
    const beatMs = registry.pulse(account, lease)?.lastBeatMs ?? 0;
    const usedMs = tokens.usedAtMs(account, lease);
    return usedMs > 0 && beatMs < usedMs + PULSE_ERROR_MS ? usedMs : beatMs;
  };
}

/** 204 with the address of what was changed: clients take the id from it. */
export function changedAt(call: Call, path: string): Answer {
  return { status: 204, headers: { Location: `${call.base}${path}` } };
}

/** One page, all of one revision. `each` gives the things in order, beginning at the first id not below `from`. */
export function answerPage<T extends { readonly id: string }>(
  desk: Desk,
  call: Call,
  request: PageRequest,
  each: (account: AccountView, from: string) => Iterable<T>,
  show: (item: T, view: View) => object,
): Answer {
  const page = desk.registry.read((view): Page<object> => {
    const account = view.account(call.account);
    const values: object[] = [];
    for (const item of account === undefined ? [] : each(account, request.marker ?? "")) {
      if (values.length === request.limit) return { values, next: item.id };
      values.push(show(item, view));
    }
    return { values, next: null };
  });
  return { status: 200, body: toListBody(page, request, call.here) };
}
