/** The difference in groups: configuration as text, services together, what is held in a line. */
import type { InstanceBody, KeyBody, NetKeyBody } from "@rollcall/client";
import type { ComponentChildren, JSX } from "preact";
import { count, plural } from "../../model/numbers.ts";
import { type Group, groupText } from "../../model/past/difference.ts";
import { authorText } from "../../model/past/events.ts";
import { keyAt, serviceAt } from "../../model/places.ts";
import { firstLine } from "../../model/reasons.ts";
import { compareLooks, isUsable, lookOf } from "../../model/status.ts";
import { compareNames } from "../../model/verdict.ts";
import { Diff } from "../../parts/diff.tsx";
import { Shape, type ShapeName } from "../../parts/shape.tsx";
import { Time } from "../../parts/time.tsx";

const SHOWN = 200;
const TAGS = 12;

export function Groups({ account, groups }: { account: string; groups: readonly Group[] }): JSX.Element {
  if (groups.length === 0) return <p class="in second">Nothing is different.</p>;
  return (
    <ol class="groups">
      {groups.slice(0, SHOWN).map((group) =>
        group.kind === "key" ? (
          <KeyGroup key={`key ${group.change.key}`} account={account} change={group.change} />
        ) : group.kind === "held" ? (
          <Row key={`held ${group.zone}`} at={group.at} shape="held">
            <h3>
              {plural(group.instances, "instance")} held{group.zone === "" ? "" : ` in zone ${group.zone}`}
            </h3>
            <p class="second">
              {group.services.map(([name, n]) => `${name} ${n}`).join(", ")}. {group.reason}
            </p>
          </Row>
        ) : (
          <ServiceGroup key={`service ${group.service}`} account={account} group={group} />
        ),
      )}
      {groups.length > SHOWN ? <li class="second">and {count(groups.length - SHOWN)} more</li> : null}
    </ol>
  );
}

function Row({ at, shape, children }: { at: string; shape: ShapeName; children: ComponentChildren }): JSX.Element {
  return (
    <li>
      <Time at={at} />
      <Shape name={shape} />
      <div class="what">{children}</div>
    </li>
  );
}

function textOf(key: KeyBody | null): string {
  return key === null ? "" : (key.value ?? `binary, base64: ${key.valueBase64 ?? ""}`);
}

function KeyGroup({ account, change }: { account: string; change: NetKeyBody }): JSX.Element {
  const { key, what, before, after, by, firstAt } = change;
  const did = { came: "set", left: "deleted", changed: "changed" }[what];
  const versions =
    before !== null && after !== null
      ? `version ${before.version} to ${after.version}`
      : after !== null
        ? `version ${after.version}`
        : "";
  const author = authorText(by);
  return (
    <Row at={firstAt} shape="key">
      <h3>
        Configuration <a href={keyAt(account, key)}>{key}</a> {did}
      </h3>
      <p class="second">{[versions, author === "" ? "" : `by ${author}`].filter((one) => one !== "").join(", ")}</p>
      <Diff before={textOf(before)} after={textOf(after)} />
    </Row>
  );
}

function ServiceGroup({ account, group }: { account: string; group: Group & { kind: "service" } }): JSX.Element {
  const { service, came, left, changed, isWorse } = group;
  const before = [...left, ...changed.map((one) => one.before)].filter(isUsable).length;
  const after = [...came, ...changed.map((one) => one.after)].filter(isUsable).length;
  const now = [...came, ...changed.map((one) => one.after)];
  const bad = now.flatMap(({ checks }) => checks).find(({ status }) => status === "critical");
  const [worst] = now.map(lookOf).sort(compareLooks);
  return (
    <Row at={group.at} shape={isWorse ? "critical" : (worst ?? "gone")}>
      <h3>
        <a href={serviceAt(account, service)}>{service}</a>: {groupText(group)}
      </h3>
      {came.length + left.length > 0 ? (
        <div class="tags">
          <Ids sign="+" name="added" instances={came} />
          <Ids sign="−" name="removed" instances={left} />
        </div>
      ) : null}
      <p>
        {before === after ? "As many are usable as before." : `Usable of these: ${before}, now ${after}.`}
        {bad === undefined ? "" : ` Check ${bad.id}: ${firstLine(bad.output) || "critical"}.`}
      </p>
    </Row>
  );
}

function Ids({
  sign,
  name,
  instances,
}: {
  sign: string;
  name: string;
  instances: readonly InstanceBody[];
}): JSX.Element {
  const ids = instances.map(({ id }) => id).sort(compareNames);
  return (
    <>
      {ids.slice(0, TAGS).map((id) => (
        <span key={id} class={`tag ${name}`}>
          {sign} {id}
        </span>
      ))}
      {ids.length > TAGS ? <span class={`tag ${name}`}>{`${sign} ${ids.length - TAGS} more`}</span> : null}
    </>
  );
}
