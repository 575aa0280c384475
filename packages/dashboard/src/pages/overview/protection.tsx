/** Protection in sentences: off, ready, or what it holds, where, why, until when, and what happens then. */
import type { ProtectionBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Release } from "../../actions/release.tsx";
import { useRead } from "../../data/reads.ts";
import { may } from "../../data/session.ts";
import { count, duration, listed, plural } from "../../model/numbers.ts";
import { pathTo } from "../../model/places.ts";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { Time } from "../../parts/time.tsx";

const REFRESH_MS = 30_000;

export function useProtection(account: string): ProtectionBody | undefined {
  return useRead(`protection ${account}`, (client) => client.protection(), {
    touches: ({ changes }) => changes.some(({ cause }) => cause === "held" || cause === "released"),
    everyMs: REFRESH_MS,
  }).data;
}

export interface ProtectionProps {
  readonly account: string;
  /** As the lists of services count it, which is newer than what was read. */
  readonly held: number;
  readonly data: ProtectionBody | undefined;
}

export function Protection({ account, held, data }: ProtectionProps): JSX.Element | null {
  if (data === undefined) return null;
  return held > 0 ? <Holding account={account} held={held} data={data} /> : <Quiet data={data} />;
}

/** Nothing is held: by what it would. */
function Quiet({ data: { state, limits } }: { data: ProtectionBody }): JSX.Element {
  const share = Math.round(limits.shareMin * 100);
  return (
    <p class="small second">
      <Shape name={state === "off" ? "warning" : "held"} />{" "}
      {state === "off" ? (
        <>
          <b>Protection is off.</b> Whatever falls silent goes, however much it is at once.
        </>
      ) : (
        <>
          <b>Protection is ready.</b> When {limits.instancesMin} instances and over {share} % of a service or of all
          fall silent within {duration(limits.windowMs)}, they are kept for {duration(limits.holdMs)}.
        </>
      )}
    </p>
  );
}

function Holding({ account, held, data }: { account: string; held: number; data: ProtectionBody }): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const { services, since, until } = data;
  const names = services.map((one) => `${one.service} ${one.held} of ${one.instances}`);
  const zones = Object.entries(data.zones)
    .filter(([zone]) => zone !== "")
    .map(([zone, n]) => `${zone} (${n})`);
  const reason = services[0]?.reason ?? "";
  return (
    <Card
      title={
        <>
          <Shape name="held" /> Protection holds {plural(held, "instance")}
        </>
      }
    >
      <p class="small-prose">
        {names.length === 0 ? "" : `${listed(names, 4)}${zones.length === 0 ? "" : `, in ${listed(zones, 3)}`}. `}
        {reason === "" ? "" : `${sentence(reason)} `}
        {since === null ? null : (
          <>
            Silent since <Time at={since} />.{" "}
          </>
        )}
        They stay listed, so clients still get them, and are marked <em>held</em>.
      </p>
      <p class="second">
        Each is freed by its next heartbeat.
        {until === null ? null : (
          <>
            {" "}
            Those that are still silent at <Time at={until} /> are dropped.
          </>
        )}{" "}
        {count(data.live)} others are heard.
      </p>
      <div class="row">
        <a class="button" href={`${pathTo(account, "instances")}?status=held`}>
          Show the {held}
        </a>
        {may("admin") ? (
          <button type="button" class="button danger" onClick={() => setAsking(true)}>
            Drop them now…
          </button>
        ) : null}
      </div>
      {isAsking ? <Release held={held} onClose={() => setAsking(false)} /> : null}
    </Card>
  );
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
