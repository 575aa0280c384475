/** Counts over all services: each is a filter. */
import type { JSX } from "preact";
import { count, plural } from "../../model/numbers.ts";
import { pathTo } from "../../model/places.ts";
import { addCounts, type Counts, LOOKS } from "../../model/status.ts";
import type { Summary, Tally } from "../../model/summary.ts";
import { Bar } from "../../parts/bar.tsx";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";

interface Props {
  readonly account: string;
  readonly services: readonly Summary[];
}

export function Instances({ account, services }: Props): JSX.Element {
  const counts = services.reduce<Counts>((sum, one) => addCounts(sum, one.counts), {});
  const all = services.reduce((sum, one) => sum + one.all, 0);
  const usable = services.reduce((sum, one) => sum + one.usable, 0);
  return (
    <Card title="Instances" side={<a href={pathTo(account, "instances")}>all of them</a>}>
      <p>
        <span class="big">{count(all)}</span>{" "}
        <span class="second">
          in {plural(services.length, "service")} · {count(usable)} usable
        </span>
      </p>
      <Bar counts={counts} />
      <div class="counts">
        {LOOKS.map((look) => (
          <a key={look} href={`${pathTo(account)}?status=${look}`}>
            <Shape name={look} />
            {look}
            <b>{count(counts[look] ?? 0)}</b>
          </a>
        ))}
      </div>
    </Card>
  );
}

const SHOWN = 6;

function totalsOf(services: readonly Summary[], pick: (one: Summary) => Tally): (readonly [string, number])[] {
  const sums = new Map<string, number>();
  for (const one of services)
    for (const [name, value] of Object.entries(pick(one))) sums.set(name, (sums.get(name) ?? 0) + value);
  return [...sums].sort(([one, n], [other, m]) => m - n || (one < other ? -1 : 1));
}

export function Zones({ account, services }: Props): JSX.Element | null {
  const zones = totalsOf(services, ({ zones: all }) => all);
  if (zones.length === 0) return null;
  const trouble = new Map(
    zones.map(([zone]) => [zone, services.reduce((sum, one) => sum + (one.zoneTrouble[zone] ?? 0), 0)] as const),
  );
  const all = [...trouble.values()].reduce((sum, one) => sum + one, 0);
  const [worst] = [...trouble].sort(([, one], [, other]) => other - one);
  return (
    <Card title="Zones" bare>
      <table class="flat">
        <thead>
          <tr>
            <th scope="col">Zone</th>
            <th scope="col" class="num">
              In trouble
            </th>
            <th scope="col" class="num">
              All
            </th>
          </tr>
        </thead>
        <tbody>
          {zones.slice(0, SHOWN).map(([zone, instances]) => (
            <tr key={zone}>
              <td>
                <a href={`${pathTo(account)}?zone=${encodeURIComponent(zone)}`}>{zone}</a>
              </td>
              <td class="num">
                {zone === worst?.[0] && worst[1] > 0 ? <b>{trouble.get(zone)}</b> : trouble.get(zone)}
              </td>
              <td class="num">{count(instances)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {worst !== undefined && all > 1 && worst[1] * 2 > all ? (
        <p class="in second small">
          {worst[1]} of {all} in trouble are in <b>{worst[0]}</b>.
        </p>
      ) : null}
    </Card>
  );
}

export function Via({ account, services }: Props): JSX.Element | null {
  const dialects = totalsOf(services, ({ via }) => via).filter(([, n]) => n > 0);
  const most = dialects[0]?.[1] ?? 1;
  if (dialects.length === 0) return null;
  return (
    <Card title="Came through">
      <div class="via">
        {dialects.map(([name, instances]) => (
          <>
            <a href={`${pathTo(account)}?via=${encodeURIComponent(name)}`}>{name}</a>
            <i aria-hidden="true" style={{ width: `${(instances / most) * 100}%` }} />
            <span>{count(instances)}</span>
          </>
        ))}
      </div>
    </Card>
  );
}
