/** Search over everything: services at hand, and what the registry finds. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { catalog } from "../data/catalog.ts";
import { navigate } from "../data/router.ts";
import { account, api } from "../data/session.ts";
import { instanceAt, keyAt, pathTo, serviceAt } from "../model/places.ts";
import type { Look } from "../model/status.ts";
import { compareServices, rankOf, shapeOf } from "../model/verdict.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Shape } from "../parts/shape.tsx";
import { isSearchOpen } from "./keys.ts";

interface Hit {
  readonly href: string;
  readonly label: string;
  readonly note: string;
  readonly look: Look | "key";
}

const SHOWN = 12;
const PAUSE_MS = 150;

const PAGES = ["events", "changes", "map", "config", "instances"] as const;

function nearHits(text: string): Hit[] {
  const to = account.value;
  const wanted = text.toLowerCase();
  const services = (catalog.value?.services ?? [])
    .filter(({ service }) => service.toLowerCase().includes(wanted))
    .sort(
      (one, other) =>
        Number(other.service.toLowerCase() === wanted) - Number(one.service.toLowerCase() === wanted) ||
        compareServices(one, other),
    )
    .slice(0, SHOWN)
    .map((one) => ({
      href: serviceAt(to, one.service),
      label: one.service,
      note: `${one.usable} of ${one.all} usable`,
      look: shapeOf(rankOf(one)),
    }));
  const pages = wanted === "" ? [] : PAGES.filter((page) => page.includes(wanted));
  return [
    ...services,
    ...pages.map((page) => ({ href: pathTo(to, page), label: page, note: "page", look: "key" as const })),
  ];
}

/** Instances by id and address, and keys: what the registry finds. */
async function farHits(text: string): Promise<Hit[]> {
  const to = account.value;
  const { instances, keys } = await api.value.search(text, { limit: SHOWN });
  return [
    ...instances.map((one) => ({
      href: instanceAt(to, one.service, one.id),
      label: one.id,
      note: `${one.service}, ${one.address}:${one.port}`,
      look: one.held ? ("held" as const) : one.status,
    })),
    ...keys.map((key) => ({ href: keyAt(to, key), label: key, note: "key", look: "key" as const })),
  ];
}

export function Search(): JSX.Element | null {
  return isSearchOpen.value ? <Palette /> : null;
}

function useHits(text: string): Hit[] {
  const [far, setFar] = useState<{ text: string; hits: Hit[] }>({ text: "", hits: [] });
  const near = useMemo(() => nearHits(text), [text, catalog.value]);
  useEffect(() => {
    if (text.length < 2) return undefined;
    const timer = setTimeout(() => {
      void farHits(text).then(
        (hits) => setFar({ text, hits }),
        () => setFar({ text, hits: [] }),
      );
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return [...near, ...(far.text === text ? far.hits : [])].slice(0, 2 * SHOWN);
}

function Palette(): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const hits = useHits(text.trim());
  const close = () => {
    isSearchOpen.value = false;
  };
  const open = (hit: Hit | undefined) => {
    if (hit === undefined) return;
    close();
    navigate(hit.href);
  };
  useEffect(() => field.current?.focus(), []);
  const chosen = hits[Math.min(at, hits.length - 1)];
  return (
    <Dialog title="Search" onClose={close}>
      <input
        ref={field}
        type="search"
        role="combobox"
        aria-label="Search services, instances, addresses, keys"
        aria-expanded={hits.length > 0}
        aria-controls="found"
        aria-activedescendant={chosen === undefined ? undefined : `found-${hits.indexOf(chosen)}`}
        placeholder="Service, instance, address, key"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (step !== undefined) setAt(Math.max(0, Math.min(hits.length - 1, at + step)));
          else if (event.key === "Enter") open(chosen);
          else return;
          event.preventDefault();
        }}
      />
      <div class="found" id="found" role="listbox" aria-label="Found">
        {hits.map((hit, index) => (
          <a
            key={hit.href}
            id={`found-${index}`}
            role="option"
            tabIndex={-1}
            href={hit.href}
            aria-selected={hit === chosen}
            onClick={close}
          >
            <Shape name={hit.look} />
            <span>{hit.label}</span>
            <span class="n">{hit.note}</span>
          </a>
        ))}
      </div>
      {hits.length === 0 && text !== "" ? <p class="second">Nothing is found.</p> : null}
    </Dialog>
  );
}
