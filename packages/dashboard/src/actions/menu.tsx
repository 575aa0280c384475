/** What can be done with an instance: buttons of its page, and the menu of its row. */
import type { InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { may } from "../data/session.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Deregister } from "./deregister.tsx";
import { ClearOverride, Override } from "./override.tsx";

type Deed = "drain" | "status" | "clear" | "deregister";

interface Props {
  readonly instance: InstanceBody;
  readonly siblings: readonly InstanceBody[];
}

export function useDeeds({ instance, siblings }: Props, onClose: () => void = () => {}) {
  const [deed, setDeed] = useState<Deed | null>(null);
  const close = (): void => {
    setDeed(null);
    onClose();
  };
  const dialog =
    deed === null ? null : deed === "deregister" ? (
      <Deregister instance={instance} siblings={siblings} onDrain={() => setDeed("drain")} onClose={close} />
    ) : deed === "clear" ? (
      <ClearOverride instance={instance} onClose={close} />
    ) : (
      <Override
        key={deed}
        instance={instance}
        siblings={siblings}
        first={deed === "drain" ? "draining" : "passing"}
        onClose={close}
      />
    );
  return { dialog, setDeed, deed };
}

export function Buttons({
  instance,
  onPick,
}: {
  instance: InstanceBody;
  onPick: (deed: Deed) => void;
}): JSX.Element | null {
  if (!may("writer")) return null;
  return (
    <>
      <button type="button" class="button" onClick={() => onPick("drain")}>
        Drain…
      </button>
      <button type="button" class="button" onClick={() => onPick("status")}>
        Set status…
      </button>
      {instance.override === null ? null : (
        <button type="button" class="button" onClick={() => onPick("clear")}>
          Take back…
        </button>
      )}
      <button type="button" class="button danger" onClick={() => onPick("deregister")}>
        Deregister…
      </button>
    </>
  );
}

export function InstanceMenu({ instance, siblings, onClose }: Props & { onClose: () => void }): JSX.Element {
  const { dialog, setDeed, deed } = useDeeds({ instance, siblings }, onClose);
  if (deed !== null) return <>{dialog}</>;
  return (
    <Dialog title={instance.id} onClose={onClose}>
      <div class="row">
        <Buttons instance={instance} onPick={setDeed} />
        {may("writer") ? null : <p class="second">Your role may look, and change nothing.</p>}
      </div>
      <div class="row">
        <button type="button" class="button plain" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
