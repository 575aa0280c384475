/** The line on top (and, on a phone, the tabs at the bottom). */
import type { JSX } from "preact";
import { changedAt, link, revision } from "../data/live.ts";
import { navigate, place } from "../data/router.ts";
import { account, isAsked, signOut, token, who } from "../data/session.ts";
import { count } from "../model/numbers.ts";
import { pathTo } from "../model/places.ts";
import { isSearchOpen } from "./keys.ts";

const ICONS = {
  Overview: "M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z",
  Events: "M2 4h12M2 8h8M2 12h10",
  Map: "M4 6v2c0 2 8 2 8 0V6M8 9.5V12M4 6a1.5 1.5 0 100-3 1.5 1.5 0 000 3M12 6a1.5 1.5 0 100-3 1.5 1.5 0 000 3M8 15a1.5 1.5 0 100-3 1.5 1.5 0 000 3",
  Config: "M2 5h12M2 11h12M5 3v4M11 9v4",
  Cluster: "M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.1M4.5 11h.1",
};

type Page = keyof typeof ICONS;

function pages(): readonly (readonly [Page, string, boolean])[] {
  const at = place.value.page;
  const on = (...names: string[]) => names.includes(at);
  const to = account.value;
  return [
    ["Overview", pathTo(to), on("overview", "service", "instance", "instances", "home")],
    ["Events", pathTo(to, "events"), on("events", "changes")],
    ["Map", pathTo(to, "map"), on("map")],
    ["Config", pathTo(to, "config"), on("config")],
    ["Cluster", "/ui/cluster", on("cluster")],
  ];
}

export function Icon({ path }: { path: string }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

export function Header(): JSX.Element {
  return (
    <header class="top">
      <div class="in">
        <a class="logo" href={pathTo(account.value)} aria-label="Rollcall, overview">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M4 3h16v18H4zM7.5 8.500L9 10l2.5-3M7.5 14.500L9 16l2.5-3M14 8.500h3M14 15h3" />
          </svg>
          <span>Rollcall</span>
        </a>
        <Accounts />
        <nav class="nav" aria-label="Pages">
          {pages().map(([name, href, isHere]) => (
            <a key={name} href={href} aria-current={isHere ? "page" : undefined}>
              <Icon path={ICONS[name]} />
              {name}
            </a>
          ))}
        </nav>
        <button
          type="button"
          class="search-button push"
          onClick={() => {
            isSearchOpen.value = true;
          }}
        >
          <Icon path="M7 12A5 5 0 107 2a5 5 0 000 10zM11 11l3.5 3.5" />
          <span class="unseen">Search: </span>
          <span class="words">Service, instance, address</span>
          <kbd>/</kbd>
        </button>
        <Lamp />
        <Who />
      </div>
    </header>
  );
}

/** The accounts that may be read; a field where the registry does not tell them. */
function Accounts(): JSX.Element {
  const known = who.value?.accounts ?? [];
  const here = account.value;
  const all = known.includes(here) ? known : [here, ...known];
  return (
    <select
      aria-label="Account"
      class="account"
      value={here}
      onChange={(event) => navigate(pathTo(event.currentTarget.value))}
      disabled={all.length < 2}
    >
      {all.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Lamp(): JSX.Element {
  const { state } = link.value;
  const word = {
    connecting: "connecting",
    live: "live",
    reconnecting: "reconnecting",
    offline: "offline",
    refused: "refused",
  }[state];
  return (
    <span
      class={`lamp ${state === "live" ? "live" : ""}`}
      title={changedAt.value === null ? undefined : `last change ${changedAt.value}`}
    >
      <i aria-hidden="true" />
      {word}
      {revision.value === 0 ? null : <span class="revision quiet">r {count(revision.value)}</span>}
    </span>
  );
}

function Who(): JSX.Element | null {
  const now = who.value;
  if (now?.token)
    return (
      <span class="who row tight">
        {now.token.name} · {now.role}
        <button type="button" class="small-button" onClick={() => signOut()}>
          sign out
        </button>
      </span>
    );
  if (now?.open)
    return (
      <span class="who" title="No tokens are set up: everybody who reaches the address is an administrator">
        open · {now.role}
      </span>
    );
  if (token.value !== undefined)
    return (
      <button type="button" class="small-button" onClick={() => signOut()}>
        sign out
      </button>
    );
  if (now === null && !isAsked.value) return null;
  return (
    <button
      type="button"
      class="small-button"
      onClick={() => {
        isAsked.value = true;
      }}
    >
      sign in
    </button>
  );
}
