/** An operator's word over a status: set, and taken back. */
import type { InstanceBody, Status } from "@rollcall/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { asked } from "../data/asked.ts";
import { api, ownName } from "../data/session.ts";
import { isUsable } from "../model/status.ts";
import { note } from "../parts/copy.tsx";
import { Shape } from "../parts/shape.tsx";
import { useCallers } from "./callers.ts";
import { command, flag } from "./command.ts";
import { Question } from "./question.tsx";
import { Reason } from "./reason.tsx";

const CHOICES = ["passing", "warning", "critical", "draining"] as const satisfies Status[];

export interface OverrideProps {
  readonly instance: InstanceBody;
  /** All of the service. */
  readonly siblings: readonly InstanceBody[];
  readonly first: (typeof CHOICES)[number];
  readonly onClose: () => void;
}

export function Override({ instance, siblings, first, onClose }: OverrideProps): JSX.Element {
  const [status, setStatus] = useState<(typeof CHOICES)[number]>(first);
  const [reason, setReason] = useState("");
  const [ttl, setTtl] = useState("");
  const { service, id } = instance;
  const callers = useCallers(service);
  const after = siblings.map((one) => (one.id === id ? { ...one, status } : one)).filter(isUsable).length;
  const isLast = after === 0 && siblings.some(isUsable);
  return (
    <Question
      title={`Set the status of ${id}`}
      deed={`Set to ${status}`}
      typed={isLast ? service : undefined}
      command={command("override", service, id, status, ...flag("--reason", reason), ...flag("--for", ttl))}
      onClose={onClose}
      onDo={async () => {
        await api.value.override(service, id, status, {
          ...(reason === "" ? {} : { reason }),
          ...(ttl === "" ? {} : { ttl }),
        });
        asked(service, id);
        note(`${id} is set to ${status}`, () => void takeBack(instance));
      }}
    >
      <div class="chips" role="group" aria-label="Status">
        {CHOICES.map((choice) => (
          <button
            key={choice}
            type="button"
            class="chip"
            aria-pressed={choice === status}
            onClick={() => setStatus(choice)}
          >
            <Shape name={choice} /> {choice}
          </button>
        ))}
      </div>
      <Reason whose="its" value={reason} onValue={setReason} />
      <label>
        For how long (empty: until it is taken back){" "}
        <input placeholder="30m" value={ttl} onInput={(event) => setTtl(event.currentTarget.value.trim())} />
      </label>
      <p class="second">{effectOf(status)} It stays listed, and its heartbeats go on. You take it back on its page.</p>
      <p class="second">
        {service} keeps {after} of {siblings.length} usable{isLast ? ": the last usable one goes" : ""}.{callers}{" "}
        Recorded under {ownName()}.
      </p>
    </Question>
  );
}

function effectOf(status: Status): string {
  return isUsable({ status })
    ? "Clients get it like any healthy instance."
    : "Clients that ask for healthy instances stop getting it within a second.";
}

/** As it was before: another word of an operator, or none. */
async function takeBack({ service, id, override }: InstanceBody): Promise<void> {
  try {
    await api.value.override(
      service,
      id,
      override?.status ?? null,
      override === null || override.reason === "" ? {} : { reason: override.reason },
    );
    note(`${id} is as it was before`);
  } catch (error) {
    note(`It could not be undone: ${(error as Error).message}`);
  }
}

export function ClearOverride({ instance, onClose }: { instance: InstanceBody; onClose: () => void }): JSX.Element {
  const { service, id, override } = instance;
  return (
    <Question
      title={`Take back what is set for ${id}?`}
      deed="Take it back"
      command={command("override", service, id, "--clear")}
      onClose={onClose}
      onDo={async () => {
        await api.value.override(service, id, null);
        asked(service, id);
        note(
          `${id} says its own status again`,
          override === null ? undefined : () => void api.value.override(service, id, override.status),
        );
      }}
    >
      <p>
        It is set to <b>{override?.status}</b>
        {override?.reason ? `: ${override.reason}` : ""}. Without that, what it says of itself and what its checks say
        count again.
      </p>
    </Question>
  );
}
