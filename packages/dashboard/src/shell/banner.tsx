/** What the whole page has to say: the registry is out of reach, a clock is wrong, everybody is an administrator. */
import type { JSX } from "preact";
import { aheadMs, link, retry, revision, tick } from "../data/live.ts";
import { who } from "../data/session.ts";
import { count, duration } from "../model/numbers.ts";
import { Shape } from "../parts/shape.tsx";
import { Time } from "../parts/time.tsx";

const CLOCKS_APART_MS = 30_000;

export function isStale(): boolean {
  return link.value.state === "offline";
}

export function Banner(): JSX.Element | null {
  const now = link.value;
  if (now.state === "offline") return <Offline sinceMs={now.sinceMs} nextMs={now.nextMs} />;
  if (now.state === "refused")
    return (
      <div class="banner" role="status">
        <Shape name="warning" />
        <div>
          <b>The registry refuses the stream of changes:</b> {now.detail}. What is shown is not kept up to date.
        </div>
      </div>
    );
  if (Math.abs(aheadMs.value) > CLOCKS_APART_MS)
    return (
      <div class="banner" role="status">
        <Shape name="warning" />
        <div>
          <b>The clocks differ by {duration(Math.abs(aheadMs.value))}.</b> Times and ages here are by the registry's
          clock, which is {aheadMs.value > 0 ? "ahead of" : "behind"} this browser's.
        </div>
      </div>
    );
  return null;
}

function Offline({ sinceMs, nextMs }: { sinceMs: number; nextMs: number }): JSX.Element {
  void tick.value;
  const leftS = Math.max(0, Math.ceil((nextMs - Date.now()) / 1000));
  return (
    <div class="banner" role="alert">
      <Shape name="warning" />
      <div>
        <b>
          Out of reach since <Time at={new Date(sinceMs + aheadMs.value).toISOString()} />.
        </b>{" "}
        What you see is from then{revision.value === 0 ? "" : `, revision ${count(revision.value)}`}.{" "}
        <span aria-live="off">{leftS === 0 ? "Trying again now." : `Trying again in ${leftS} s.`}</span>
      </div>
      <button type="button" class="button" onClick={retry}>
        Try now
      </button>
    </div>
  );
}

/** On the overview and the cluster's page: it is no alarm, but nobody should find out later. */
export function OpenMode(): JSX.Element | null {
  if (who.value?.open !== true) return null;
  return (
    <p class="small second">
      <Shape name="warning" /> <b>Open to everyone who reaches {location.hostname}.</b> There are no tokens, so
      everybody is an administrator. <code>rollcall token create admin --role admin --all-accounts</code> ends that.
    </p>
  );
}
