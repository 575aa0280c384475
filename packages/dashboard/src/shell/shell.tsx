/** What is around every page. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { navigate, place } from "../data/router.ts";
import { account } from "../data/session.ts";
import { clockZone, nextTheme, rows, theme } from "../data/wishes.ts";
import { type Place, pathTo } from "../model/places.ts";
import { ClusterPage } from "../pages/cluster/cluster.tsx";
import { Config } from "../pages/config/config.tsx";
import { Changes } from "../pages/events/changes.tsx";
import { Events } from "../pages/events/events.tsx";
import { Everywhere } from "../pages/everywhere.tsx";
import { InstancePage } from "../pages/instance/instance.tsx";
import { MapPage } from "../pages/map/map.tsx";
import { Overview } from "../pages/overview/overview.tsx";
import { ServicePage } from "../pages/service/service.tsx";
import { Ask, SignIn } from "../pages/signin.tsx";
import { Hatch } from "../parts/bar.tsx";
import { Notes } from "../parts/copy.tsx";
import { Banner, isStale } from "./banner.tsx";
import { Header } from "./header.tsx";
import { Help } from "./help.tsx";
import { isHelpOpen } from "./keys.ts";
import { Search } from "./search.tsx";

export function Shell(): JSX.Element {
  const at = place.value;
  useEffect(() => {
    if (at.page === "home") navigate(pathTo(account.value), { replace: true });
    document.title = titleOf(at);
  }, [at]);
  return (
    <div class={isStale() ? "is-stale" : ""}>
      <button type="button" class="skip" onClick={skip}>
        To the content
      </button>
      <Hatch />
      <Header />
      <main id="main" class="page" tabIndex={-1}>
        <Banner />
        <PageOf at={at} />
      </main>
      <Footer />
      <Search />
      <Help />
      <Ask />
      <Notes />
    </div>
  );
}

function skip(): void {
  document.getElementById("main")?.focus();
}

function PageOf({ at }: { at: Place }): JSX.Element | null {
  switch (at.page) {
    case "home":
      return null;
    case "overview":
      return <Overview account={at.account} />;
    case "service":
      return <ServicePage key={at.service} account={at.account} service={at.service} tab={at.tab} />;
    case "instance":
      return <InstancePage key={at.id} account={at.account} service={at.service} id={at.id} />;
    case "events":
      return <Events account={at.account} />;
    case "changes":
      return <Changes account={at.account} />;
    case "instances":
      return <Everywhere account={at.account} />;
    case "map":
      return <MapPage account={at.account} />;
    case "config":
      return <Config account={at.account} path={at.key} />;
    case "cluster":
      return <ClusterPage />;
    case "signin":
      return <SignIn />;
    case "missing":
      return <Missing />;
  }
}

function Missing(): JSX.Element {
  return (
    <section class="card">
      <div class="in">
        <h1>There is no such page</h1>
        <p>
          <a href={pathTo(account.value)}>To the overview</a>
        </p>
      </div>
    </section>
  );
}

function titleOf(at: Place): string {
  if (at.page === "service") return `${at.service} · Rollcall`;
  if (at.page === "instance") return `${at.id} · ${at.service} · Rollcall`;
  if (at.page === "config") return `${at.key === "" ? "Configuration" : at.key} · Rollcall`;
  const name = at.page === "changes" ? "What changed" : at.page.charAt(0).toUpperCase() + at.page.slice(1);
  return at.page === "home" ? "Rollcall" : `${name} · Rollcall`;
}

function Footer(): JSX.Element {
  return (
    <footer class="foot">
      <button
        type="button"
        class="button"
        onClick={() => {
          clockZone.value = clockZone.value === "utc" ? "local" : "utc";
        }}
      >
        {clockZone.value === "utc" ? "All times UTC" : "All times local"}
      </button>
      <button type="button" class="button" onClick={nextTheme}>
        Theme: {theme.value}
      </button>
      <button
        type="button"
        class="button"
        onClick={() => {
          rows.value = rows.value === "compact" ? "comfortable" : "compact";
        }}
      >
        Rows: {rows.value}
      </button>
      <button
        type="button"
        class="button"
        onClick={() => {
          isHelpOpen.value = true;
        }}
      >
        Shortcuts
      </button>
      <span class="keys">
        <kbd>/</kbd> search <kbd>j</kbd> <kbd>k</kbd> rows <kbd>g</kbd> then <kbd>o</kbd> <kbd>e</kbd> <kbd>d</kbd>{" "}
        <kbd>c</kbd> <kbd>n</kbd> go
      </span>
    </footer>
  );
}
