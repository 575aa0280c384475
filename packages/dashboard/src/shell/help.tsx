/** The list of shortcuts, and the switch that turns single letters off. */
import type { JSX } from "preact";
import { letters } from "../data/wishes.ts";
import { Dialog } from "../parts/dialog.tsx";
import { isHelpOpen, SHORTCUTS } from "./keys.ts";

export function Help(): JSX.Element | null {
  if (!isHelpOpen.value) return null;
  const close = () => {
    isHelpOpen.value = false;
  };
  return (
    <Dialog title="Shortcuts" onClose={close}>
      <dl class="shortcuts">
        {SHORTCUTS.map(([keys, what]) => (
          <>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
      <label class="row">
        <input
          type="checkbox"
          checked={letters.value === "on"}
          onChange={(event) => {
            letters.value = event.currentTarget.checked ? "on" : "off";
          }}
        />
        Single letters are shortcuts
      </label>
      <div class="row">
        <button type="button" class="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
