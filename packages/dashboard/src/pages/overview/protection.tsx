/** Protection in sentences: what is held, which zone, why, until when, and what happens then. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Release } from "../../actions/release.tsx";
import { useRead } from "../../data/reads.ts";
import { may } from "../../data/session.ts";
import { listed, plural } from "../../model/numbers.ts";
import { pathTo } from "../../model/places.ts";
import type { Summary } from "../../model/summary.ts";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { Time } from "../../parts/time.tsx";

const READ = 200;

export function Protection({
  account,
  services,
  held,
}: {
  account: string;
  services: readonly Summary[];
  held: number;
}): JSX.Element | null {
  const [isAsking, setAsking] = useState(false);
  const { data } = useRead(held > 0 ? `held ${account}` : null, (client) => client.leases.held({ limit: READ }), {
    touches: ({ changes }) => changes.some(({ cause }) => cause === "held" || cause === "released"),
  });
  if (held === 0) return null;
  const leases = data?.leases ?? [];
  const first = leases.map((lease) => lease.held).filter((one) => one !== null)[0];
  const since = leases.flatMap((lease) => lease.held?.since ?? []).sort()[0];
  const until = leases
    .flatMap((lease) => lease.held?.until ?? [])
    .sort()
    .at(-1);
  const names = services.filter(({ counts }) => counts.held).map(({ service, counts }) => `${service} ${counts.held}`);
  return (
    <Card
      title={
        <>
          <Shape name="held" /> Protection holds {plural(held, "instance")}
        </>
      }
    >
      <p class="small-prose">
        {listed(names, 4)}. {first === undefined ? "" : `${sentence(first.reason)} `}
        {since === undefined ? null : (
          <>
            Silent since <Time at={since} />.{" "}
          </>
        )}
        They stay listed, so clients still get them, and are marked <em>held</em>.
      </p>
      <p class="second">
        Each is freed by its next heartbeat.
        {until === undefined ? null : (
          <>
            {" "}
            Those that are still silent at <Time at={until} /> are dropped.
          </>
        )}
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
