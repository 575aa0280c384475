/** Who depends on a service, and on whom it depends, with how they are. */
import type { JSX } from "preact";
import { catalog } from "../../data/catalog.ts";
import { useRead } from "../../data/reads.ts";
import { pathTo, serviceAt } from "../../model/places.ts";
import type { Summary } from "../../model/summary.ts";
import { compareServices, rankOf, shapeOf } from "../../model/verdict.ts";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";

interface Props {
  readonly account: string;
  readonly service: string;
  /** Both lists whole, side by side. */
  readonly whole?: boolean;
}

const SHOWN = 10;
const REFRESH_MS = 15_000;

export function Dependencies({ account, service, whole }: Props): JSX.Element | null {
  const { data } = useRead(`consumers ${account}`, (client) => client.consumers(), { everyMs: REFRESH_MS });
  if (data === undefined) return null;
  const callers = [
    ...new Set(data.consumers.filter(({ provider }) => provider === service).map(({ consumer }) => consumer)),
  ];
  const needs = [
    ...new Set(data.consumers.filter(({ consumer }) => consumer === service).map(({ provider }) => provider)),
  ];
  const map = `${pathTo(account, "map")}?focus=${encodeURIComponent(service)}`;
  const max = whole ? Number.POSITIVE_INFINITY : SHOWN;
  return (
    <>
      <Card title="Depends on it" note={String(callers.length)} side={<a href={map}>on the map</a>}>
        <NamedServices account={account} names={callers} max={max} none="Nobody is known to look for it." />
      </Card>
      <Card title="It depends on" note={String(needs.length)}>
        <NamedServices account={account} names={needs} max={max} none="It is not known to look for anything." />
      </Card>
    </>
  );
}

export function NamedServices(props: {
  account: string;
  names: readonly string[];
  max?: number;
  none: string;
}): JSX.Element {
  const known = new Map((catalog.value?.services ?? []).map((one) => [one.service, one]));
  const { names, max = Number.POSITIVE_INFINITY } = props;
  if (names.length === 0) return <p class="second">{props.none}</p>;
  const sorted = [...names].sort((one, other) => {
    const [first, second] = [known.get(one), known.get(other)];
    if (first === undefined || second === undefined) return Number(first === undefined) - Number(second === undefined);
    return compareServices(first, second);
  });
  return (
    <ul class="deps">
      {sorted.slice(0, max).map((name) => (
        <li key={name}>
          <Named account={props.account} name={name} summary={known.get(name)} />
        </li>
      ))}
      {sorted.length > max ? <li class="second">and {sorted.length - max} more</li> : null}
    </ul>
  );
}

function Named({
  account,
  name,
  summary,
}: {
  account: string;
  name: string;
  summary: Summary | undefined;
}): JSX.Element {
  if (summary === undefined)
    return (
      <>
        <Shape name="unknown" />
        <span>{name}</span>
        <span class="n">not registered here</span>
      </>
    );
  const held = summary.counts.held ?? 0;
  return (
    <>
      <Shape name={shapeOf(rankOf(summary))} said />
      <a href={serviceAt(account, name)}>{name}</a>
      <span class="n">
        {summary.usable} of {summary.all}
        {held > 0 ? `, ${held} held` : ""}
      </span>
    </>
  );
}
