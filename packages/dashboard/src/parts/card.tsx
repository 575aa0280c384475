/** What pages are made of. */
import { RollcallError } from "@rollcall/client";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { copy } from "./copy.tsx";
import { Shape } from "./shape.tsx";

export interface CardProps {
  readonly title?: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly side?: ComponentChildren;
  readonly class?: string;
  /** The content brings its own padding. */
  readonly bare?: boolean;
  readonly children?: ComponentChildren;
}

export function Card({ title, note, side, class: name = "", bare, children }: CardProps): JSX.Element {
  return (
    <section class={`card ${name}`}>
      {title === undefined ? null : (
        <header>
          <h2>{title}</h2>
          {note === undefined ? null : <span class="small quiet">{note}</span>}
          {side === undefined ? null : <span class="push row">{side}</span>}
        </header>
      )}
      {bare ? children : <div class="in">{children}</div>}
    </section>
  );
}

/** Nothing for 300 ms, then grey lines in the shape of the content. */
export function Loading({ lines = 4 }: { lines?: number }): JSX.Element | null {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  if (!isLate) return null;
  return (
    <div class="grey-lines in" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <i key={index} style={{ width: `${[70, 88, 54, 78][index % 4]}%` }} />
      ))}
    </div>
  );
}

export interface FailureProps {
  readonly what: string;
  readonly error: unknown;
  readonly children?: ComponentChildren;
  readonly again?: () => void;
}

/** What could not be done, the registry's words, and what can be done now. */
export function Failure({ what, error, again, children }: FailureProps): JSX.Element {
  const told = error instanceof RollcallError ? error : undefined;
  const detail = told?.detail ?? String((error as Error | undefined)?.message ?? error);
  const isForbidden = told?.status === 403;
  return (
    <div class="in spaced" role="alert">
      <p class="strong">
        <Shape name="critical" /> {what}
      </p>
      <p class="second">
        {told && told.status > 0 ? `${told.status} ${told.code}: ` : ""}
        {detail}
        {isForbidden ? " Sign in with a token that may: a role is reader, writer or admin." : ""}
      </p>
      <div class="row">
        {children}
        {again === undefined ? null : (
          <button type="button" class="button" onClick={again}>
            Try again
          </button>
        )}
        <button
          type="button"
          class="button plain"
          onClick={() => copy(`${what}\n${told?.status ?? ""} ${told?.type ?? ""}\n${detail}`)}
        >
          Copy details
        </button>
      </div>
    </div>
  );
}

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: ComponentChildren;
}

export function Segments<T extends string>(props: {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  onPick: (value: T) => void;
}): JSX.Element {
  return (
    <fieldset class="segments">
      <legend class="unseen">{props.label}</legend>
      {props.choices.map(({ value, label }) => (
        <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.onPick(value)}>
          {label}
        </button>
      ))}
    </fieldset>
  );
}

export function Chip(props: {
  isOn: boolean;
  onPick: () => void;
  n?: number | undefined;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <button type="button" class="chip" aria-pressed={props.isOn} onClick={props.onPick}>
      {props.children}
      {props.n === undefined ? null : <span class="n">{props.n}</span>}
    </button>
  );
}

export function Tabs(props: {
  label: string;
  tabs: readonly { href: string; label: ComponentChildren; isHere: boolean }[];
}): JSX.Element {
  return (
    <nav class="tabs" aria-label={props.label}>
      {props.tabs.map(({ href, label, isHere }) => (
        <a key={href} href={href} aria-current={isHere ? "page" : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}

export function Crumbs({ parts }: { parts: readonly { href?: string; label: string }[] }): JSX.Element {
  return (
    <nav aria-label="Where this is">
      <ol class="crumbs">
        {parts.map(({ href, label }) => (
          <li key={`${href} ${label}`}>
            {href === undefined ? <span aria-current="page">{label}</span> : <a href={href}>{label}</a>}
          </li>
        ))}
      </ol>
    </nav>
  );
}
