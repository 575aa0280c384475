/** Held instances are let go. */
import type { JSX } from "preact";
import { api, ownName } from "../data/session.ts";
import { plural } from "../model/numbers.ts";
import { note } from "../parts/copy.tsx";
import { command } from "./command.ts";
import { Question } from "./question.tsx";

export function Release({
  held,
  service,
  onClose,
}: {
  held: number;
  service?: string;
  onClose: () => void;
}): JSX.Element {
  const whose = service === undefined ? "" : ` of ${service}`;
  return (
    <Question
      title={`Drop ${plural(held, "held instance")}${whose} now?`}
      deed="Drop them"
      danger
      typed={held > 10 ? "drop" : undefined}
      command={command("held", "release", ...(service === undefined ? ["--all"] : ["--service", service]))}
      onClose={onClose}
      onDo={async () => {
        const { released } = await api.value.leases.release(service === undefined ? undefined : { service });
        note(`${plural(released, "lease")} let go`);
      }}
    >
      <p>
        Their leases end at once, and clients get them no more.{" "}
        <b>Those that are alive and only cut off come back with their next registration</b>, not with a heartbeat.
      </p>
      <p class="second">Recorded under {ownName()}.</p>
    </Question>
  );
}
