/** Why an operator does something: kept with the change, and shown in histories. */
import type { JSX } from "preact";

export interface ReasonProps {
  /** Whose history shows it: `its`. */
  readonly whose: "its" | "their";
  readonly value: string;
  readonly onValue: (value: string) => void;
}

export function Reason({ whose, value, onValue }: ReasonProps): JSX.Element {
  return (
    <label>
      Why (shown in {whose} history)
      <input
        style={{ width: "100%" }}
        value={value}
        maxLength={200}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </label>
  );
}
