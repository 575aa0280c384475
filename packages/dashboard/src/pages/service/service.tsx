/** One service: what the failing ones have in common, then all of them. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { DrainVersion } from "../../actions/drain.tsx";
import { catalog } from "../../data/catalog.ts";
import { useInstances } from "../../data/reads.ts";
import { may } from "../../data/session.ts";
import { count, plural } from "../../model/numbers.ts";
import { pathTo, type ServiceTab, serviceAt } from "../../model/places.ts";
import { isUsable } from "../../model/status.ts";
import { toSummaryOf } from "../../model/summary.ts";
import { rankOf, shapeOf } from "../../model/verdict.ts";
import { Card, Crumbs, Failure, Loading, Tabs } from "../../parts/card.tsx";
import { copy } from "../../parts/copy.tsx";
import { Shape } from "../../parts/shape.tsx";
import { Age } from "../../parts/time.tsx";
import { EventList } from "../events/list.tsx";
import { Dependencies } from "./dependencies.tsx";
import { ServiceInstances } from "./instances.tsx";
import { Names } from "./names.tsx";

export interface ServiceProps {
  readonly account: string;
  readonly service: string;
}

const LABELS: Readonly<Record<ServiceTab, string>> = {
  instances: "Instances",
  events: "Events",
  dependencies: "Dependencies",
  names: "Names",
};

export function ServicePage({ account, service, tab }: ServiceProps & { tab: ServiceTab }): JSX.Element {
  const { data, error, again } = useInstances(service);
  const instances = useMemo(() => (data === undefined ? undefined : [...data.byId.values()]), [data]);
  const tabs = (Object.keys(LABELS) as ServiceTab[]).map((name) => ({
    href: serviceAt(account, service, name),
    label: (
      <>
        {LABELS[name]}{" "}
        {name === "instances" && instances !== undefined ? <span class="quiet">{count(instances.length)}</span> : null}
      </>
    ),
    isHere: name === tab,
  }));
  return (
    <>
      <Crumbs parts={[{ href: pathTo(account), label: "Services" }, { label: service }]} />
      <Head account={account} service={service} instances={instances} />
      <Tabs label="Of this service" tabs={tabs} />
      {error !== undefined && instances === undefined ? (
        <Card>
          <Failure what={`${service} could not be read`} error={error} again={again} />
        </Card>
      ) : instances === undefined ? (
        <Card>
          <Loading lines={6} />
        </Card>
      ) : tab === "instances" ? (
        <ServiceInstances account={account} service={service} instances={instances} />
      ) : tab === "events" ? (
        <EventList account={account} service={service} />
      ) : tab === "dependencies" ? (
        <Dependencies account={account} service={service} whole />
      ) : (
        <Names account={account} service={service} />
      )}
    </>
  );
}

type Known = Parameters<typeof ServiceInstances>[0]["instances"];

function Head({ account, service, instances }: ServiceProps & { instances: Known | undefined }): JSX.Element {
  const [isDraining, setDraining] = useState(false);
  const summary = useMemo(() => (instances === undefined ? undefined : toSummaryOf(service, instances)), [instances]);
  const changedAt = catalog.value?.services.find((one) => one.service === service)?.changedAt;
  const usable = instances?.filter(isUsable).length ?? 0;
  return (
    <div class="head data">
      <div class="title">
        <h1>
          {summary === undefined ? null : <Shape name={shapeOf(rankOf(summary))} said />}
          {service}
          {instances === undefined ? null : (
            <span class="usable">
              {count(usable)} of {count(instances.length)} <small>usable</small>
            </span>
          )}
        </h1>
        {summary === undefined || instances === undefined ? null : (
          <p class="facts-line">
            <span>{tallyText(summary.versions)}</span>
            <span>{Object.keys(summary.zones).join(", ")}</span>
            <span>{summary.all === 0 ? "" : `through ${Object.keys(summary.via).join(", ")}`}</span>
            <span>{sharedMeta(instances)}</span>
            {changedAt ? (
              <span>
                changed <Age at={changedAt} ago />
              </span>
            ) : null}
          </p>
        )}
      </div>
      <div class="row">
        <button type="button" class="button" onClick={() => copy(location.href)}>
          Copy link
        </button>
        {may("writer") && instances !== undefined && instances.length > 0 ? (
          <button type="button" class="button" onClick={() => setDraining(true)}>
            Drain…
          </button>
        ) : null}
      </div>
      {isDraining && instances !== undefined ? (
        <DrainVersion account={account} service={service} instances={instances} onClose={() => setDraining(false)} />
      ) : null}
    </div>
  );
}

const SHOWN = 4;

/** `2.8.0 ×4, 2.7.4 ×2`. */
function tallyText(tally: Readonly<Record<string, number>>): string {
  const names = Object.entries(tally).sort(([, one], [, other]) => other - one);
  const shown = names.slice(0, SHOWN).map(([name, n]) => (names.length === 1 ? name : `${name} ×${n}`));
  return names.length > SHOWN
    ? `${shown.join(", ")} and ${plural(names.length - SHOWN, "more", "more")}`
    : shown.join(", ");
}

/** Meta that all instances have alike: `team=money`. */
function sharedMeta(instances: Known): string {
  const [first, ...rest] = instances;
  if (first === undefined) return "";
  const shared = Object.entries(first.meta).filter(([name, value]) => rest.every(({ meta }) => meta[name] === value));
  return shared
    .slice(0, 3)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}
