/** Who asks, and for which account. Tokens are kept in memory, or in this tab when that is wished. */

import { computed, effect, signal } from "@preact/signals";
import { type Client, createClient, type Role, RollcallError } from "@rollcall/client";
import { place } from "./router.ts";

const KEPT = "rollcall.token";

export const token = signal<string | undefined>(sessionStorage.getItem(KEPT) ?? undefined);

/** Set when the registry refused the token while the page is open: a dialog asks, nothing is lost. */
export const isAsked = signal(false);

/** Null before the registry has answered, or where it cannot. */
export const who = signal<Awaited<ReturnType<Client["whoami"]>> | null>(null);

const lastAccount = signal(localStorage.getItem("rollcall.account") ?? "default");

/** The account in the address, or the one that was looked at last. */
export const account = computed(() => {
  const at = place.value;
  return "account" in at ? at.account : lastAccount.value;
});

export const api = computed<Client>(() =>
  createClient({ url: location.origin, account: account.value, token: token.value }),
);

export function signIn(secret: string, isKept: boolean): void {
  if (isKept) sessionStorage.setItem(KEPT, secret);
  else sessionStorage.removeItem(KEPT);
  token.value = secret;
  isAsked.value = false;
}

export function signOut(): void {
  sessionStorage.removeItem(KEPT);
  token.value = undefined;
  who.value = null;
}

const RANKS: readonly Role[] = ["reader", "writer", "admin"];

/** Whether a control of this role is shown. The registry decides in any case. */
export function may(role: Role): boolean {
  const now = who.value;
  return now !== null && RANKS.indexOf(now.role) >= RANKS.indexOf(role);
}

/** The name under which changes are recorded. */
export function ownName(): string {
  return who.value?.token?.name ?? "whoever reaches this address: no tokens are set up";
}

export function startSession(): void {
  effect(() => {
    const client = api.value;
    if ("account" in place.value) {
      lastAccount.value = account.value;
      localStorage.setItem("rollcall.account", account.value);
    }
    void askWho(client);
  });
}

async function askWho(client: Client): Promise<void> {
  try {
    const answer = await client.whoami();
    if (client !== api.value) return;
    who.value = answer;
    isAsked.value = !answer.open && answer.token === null;
  } catch (error) {
    noteError(error);
  }
}

/** Every error of a request passes here. */
export function noteError(error: unknown): void {
  if (error instanceof RollcallError && error.status === 401) isAsked.value = true;
}
