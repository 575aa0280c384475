/** What a list is narrowed to: chips, choices and a text; all of it goes into the address. */
import type { JSX } from "preact";
import { setQuery } from "../data/router.ts";
import type { Filter } from "../model/filter.ts";
import { Chip } from "./card.tsx";

export type Choices = Readonly<Partial<Record<"zone" | "version" | "via" | "tag", readonly string[]>>>;

const LABELS = { zone: "Zone", version: "Version", via: "Via", tag: "Tag" } as const;
const CHOICES_MAX = 500;

export interface FilterBarProps {
  readonly filter: Filter;
  readonly choices: Choices;
  readonly chips: readonly (readonly [status: string, label: string, n: number])[];
  readonly placeholder: string;
}

export function FilterBar({ filter, choices, chips, placeholder }: FilterBarProps): JSX.Element {
  const names = (Object.keys(LABELS) as (keyof typeof LABELS)[]).filter(
    (name) => (choices[name]?.length ?? 0) > 0 || filter[name] !== "",
  );
  return (
    <div class="tools">
      <div class="chips scroll">
        {chips.map(([status, label, n]) => (
          <Chip key={status} isOn={filter.status === status} n={n} onPick={() => setQuery({ status })}>
            {label}
          </Chip>
        ))}
        {filter.status !== "" && !chips.some(([status]) => status === filter.status) ? (
          <Chip isOn onPick={() => setQuery({ status: null })}>
            {filter.status} ×
          </Chip>
        ) : null}
        {names.map((name) => (
          <select
            key={name}
            class="chip"
            aria-label={LABELS[name]}
            value={filter[name]}
            onChange={(event) => setQuery({ [name]: event.currentTarget.value })}
          >
            <option value="">{LABELS[name]}</option>
            {[
              ...new Set([
                ...(filter[name] === "" ? [] : [filter[name]]),
                ...(choices[name] ?? []).slice(0, CHOICES_MAX),
              ]),
            ].map((value) => (
              <option key={value} value={value}>
                {value}
              </option>
            ))}
          </select>
        ))}
      </div>
      <input
        class="push"
        type="search"
        data-filter
        aria-label={placeholder}
        placeholder={placeholder}
        value={filter.q}
        onInput={(event) => setQuery({ q: event.currentTarget.value })}
      />
    </div>
  );
}
