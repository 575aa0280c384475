/** All instances of the account. */
import type { InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { instanceKey, useAllInstances } from "../data/reads.ts";
import { query } from "../data/router.ts";
import { matchesInstance, toFilter } from "../model/filter.ts";
import { count } from "../model/numbers.ts";
import { instanceAt, pathTo } from "../model/places.ts";
import { compareLooks, countLooks, LOOKS, lookOf } from "../model/status.ts";
import { compareNames } from "../model/verdict.ts";
import { Card, Crumbs, Failure, Loading } from "../parts/card.tsx";
import { FilterBar } from "../parts/filters.tsx";
import { Shape } from "../parts/shape.tsx";
import { useSteady } from "../parts/steady.ts";
import { type Column, Table } from "../parts/table.tsx";
import { Age } from "../parts/time.tsx";

const READ = 10_000;

function compare(one: InstanceBody, other: InstanceBody): number {
  return (
    compareLooks(lookOf(one), lookOf(other)) ||
    compareNames(one.service, other.service) ||
    compareNames(one.id, other.id)
  );
}

const keys = new WeakMap<InstanceBody, string>();

/** Made once: ten thousand of them are asked for at every change. */
function keyOf(instance: InstanceBody): string {
  let key = keys.get(instance);
  if (key === undefined) {
    key = instanceKey(instance.service, instance.id);
    keys.set(instance, key);
  }
  return key;
}

export function Everywhere({ account }: { account: string }): JSX.Element {
  const { data, error, again } = useAllInstances(account, READ);
  const instances = useMemo(() => (data === undefined ? undefined : [...data.byKey.values()]), [data]);
  return (
    <>
      <Crumbs parts={[{ href: pathTo(account), label: "Services" }, { label: "All instances" }]} />
      <h1>All instances</h1>
      {instances === undefined ? (
        <Card>
          {error === undefined ? (
            <Loading lines={6} />
          ) : (
            <Failure what="The instances could not be read" error={error} again={again} />
          )}
        </Card>
      ) : (
        <List account={account} instances={instances} isPart={data?.isPart === true} />
      )}
    </>
  );
}

function List({
  account,
  instances,
  isPart,
}: {
  account: string;
  instances: readonly InstanceBody[];
  isPart: boolean;
}): JSX.Element {
  const filter = toFilter((name) => query.value.get(name));
  const table = useRef<HTMLDivElement>(null);
  const matching = useMemo(
    () => instances.filter((one) => matchesInstance(one, filter)),
    [instances, JSON.stringify(filter)],
  );
  const { items } = useSteady(matching, keyOf, compare, JSON.stringify(filter), table);
  const counts = useMemo(() => countLooks(instances), [instances]);
  const choices = useMemo(() => choicesOf(instances), [instances]);
  return (
    <Card
      bare
      title="Instances"
      note={`${count(matching.length)} of ${count(instances.length)}${isPart ? ", the first ones of more" : ""}`}
    >
      <FilterBar
        filter={filter}
        choices={choices}
        chips={[
          ["", "All", instances.length],
          ...LOOKS.filter((look) => counts[look]).map((look) => [look, look, counts[look] ?? 0] as const),
        ]}
        placeholder="Filter by id, address, tag, meta.k=v"
      />
      {items.length === 0 ? <p class="in second">No instance matches.</p> : null}
      <div class="data" ref={table}>
        <Table
          label="Instances"
          class="instances everywhere"
          items={items}
          columns={columnsOf(account)}
          keyOf={keyOf}
          hrefOf={({ service, id }) => instanceAt(account, service, id)}
        />
      </div>
    </Card>
  );
}

function choicesOf(instances: readonly InstanceBody[]) {
  const [zones, versions, vias] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const { zone, version, via } of instances) {
    zones.add(zone);
    versions.add(version);
    vias.add(via);
  }
  const listed = (names: ReadonlySet<string>) => [...names].filter((name) => name !== "").sort();
  return { zone: listed(zones), version: listed(versions), via: listed(vias) };
}

function columnsOf(account: string): Column<InstanceBody>[] {
  return [
    {
      name: "id",
      label: "Instance",
      cell: (one) => (
        <>
          <Shape name={lookOf(one)} said />{" "}
          <a class="name" tabIndex={-1} href={instanceAt(account, one.service, one.id)}>
            {one.id}
          </a>
        </>
      ),
    },
    { name: "service", label: "Service", class: "not-phone", cell: ({ service }) => service },
    { name: "address", label: "Address", cell: ({ address, port }) => <code>{`${address}:${port}`}</code> },
    { name: "version", label: "Version", class: "not-phone", cell: ({ version }) => version },
    { name: "zone", label: "Zone", class: "not-phone second", cell: ({ zone }) => zone },
    { name: "via", label: "Via", class: "not-phone wide-only second", cell: ({ via }) => via },
    {
      name: "since",
      label: "Status for",
      class: "not-phone num second",
      cell: ({ statusSince }) => <Age at={statusSince} />,
    },
  ];
}
