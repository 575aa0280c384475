/** The overview: what is wrong, why, since when; then everything. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { catalog, catalogError, readCatalog } from "../../data/catalog.ts";
import { type Hour, useHour } from "../../data/feed.ts";
import { changedAt } from "../../data/live.ts";
import { pathTo } from "../../model/places.ts";
import type { Summary } from "../../model/summary.ts";
import { compareServices, isTrouble, toVerdict } from "../../model/verdict.ts";
import { Card, Failure, Loading } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { Age, Time } from "../../parts/time.tsx";
import { OpenMode } from "../../shell/banner.tsx";
import { Attention } from "./attention.tsx";
import { Churned } from "./churned.tsx";
import { FirstStart } from "./first.tsx";
import { Protection, useProtection } from "./protection.tsx";
import { Services } from "./services.tsx";
import { Instances, Via, Zones } from "./sums.tsx";

const CHURN_TYPES = ["instance.*"];
/** A minute each. */
const CHURN_BUCKETS = 60;

/** All that the first screen needs is asked for at once. */
export function Overview({ account }: { account: string }): JSX.Element {
  const now = catalog.value;
  const hour = useHour(CHURN_BUCKETS, CHURN_TYPES);
  const protection = useProtection(account);
  if (now === undefined)
    return (
      <Card>
        {catalogError.value === undefined ? (
          <Loading lines={6} />
        ) : (
          <Failure what="The services could not be read" error={catalogError.value} again={readCatalog} />
        )}
      </Card>
    );
  if (now.services.length === 0) return <FirstStart account={account} />;
  return <Whole account={account} services={now.services} hour={hour} protection={protection} />;
}

interface WholeProps {
  readonly account: string;
  readonly services: readonly Summary[];
  readonly hour: Hour | undefined;
  readonly protection: ReturnType<typeof useProtection>;
}

function Whole({ account, services, hour, protection }: WholeProps): JSX.Element {
  const troubled = useMemo(() => services.filter(isTrouble).sort(compareServices), [services]);
  const held = services.reduce((sum, { counts }) => sum + (counts.held ?? 0), 0);
  return (
    <>
      <Verdict account={account} services={services} />
      <OpenMode />
      <div class={held > 0 && troubled.length > 0 ? "with-side wide data" : "stack data"}>
        {troubled.length > 0 ? <Attention account={account} troubled={troubled} /> : null}
        <Protection account={account} held={held} data={protection} />
      </div>
      <div class="four data">
        <Instances account={account} services={services} />
        <Churned hour={hour} />
        <Zones account={account} services={services} />
        <Via account={account} services={services} />
      </div>
      <Services account={account} services={services} />
    </>
  );
}

function Verdict({ account, services }: { account: string; services: readonly Summary[] }): JSX.Element {
  const { look, headline, rest, worst, since } = useMemo(() => toVerdict(services), [services]);
  const latest =
    changedAt.value ??
    services
      .flatMap((one) => one.changedAt ?? [])
      .sort()
      .at(-1);
  return (
    <section class={`card edge verdict data ${look}`} aria-label="Verdict">
      <Shape name={look} large said />
      <div class="said" aria-live="polite">
        <h1>{headline}</h1>
        <p>
          {rest.map(({ text, strong }) => (strong ? <b key={text}>{text}</b> : text))}
          {since === null ? null : (
            <>
              {" "}
              It began at <Time at={since} />.
            </>
          )}
          {worst === null && latest !== undefined ? (
            <>
              Last change <Age at={latest} ago />.
            </>
          ) : null}
        </p>
      </div>
      <div class="row actions">
        <a
          class={`button ${worst === null ? "" : "primary"}`}
          href={`${pathTo(account, "changes")}${since === null ? "" : `?from=${encodeURIComponent(before(since))}`}`}
        >
          What changed?
        </a>
        {worst === null ? null : (
          <a class="button" href={`${pathTo(account, "map")}?focus=${encodeURIComponent(worst)}`}>
            Who is hit?
          </a>
        )}
      </div>
    </section>
  );
}

const BEFORE_MS = 3 * 60_000;

/** What caused it came a little earlier. */
function before(at: string): string {
  return new Date(Date.parse(at) - BEFORE_MS).toISOString();
}
