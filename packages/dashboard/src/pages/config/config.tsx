/** Configuration: a tree at the left; a key, or what can be done with a prefix, at the right. */
import type { KeyBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { DeletePrefix } from "../../actions/keys.tsx";
import { useRead } from "../../data/reads.ts";
import { navigate, query, setQuery } from "../../data/router.ts";
import { may } from "../../data/session.ts";
import { count, plural } from "../../model/numbers.ts";
import { keyAt } from "../../model/places.ts";
import { prefixesOf, toLevel } from "../../model/tree.ts";
import { Card, Crumbs, Failure, Loading } from "../../parts/card.tsx";
import { KeyPage } from "./key.tsx";

const READ = 5000;

interface Props {
  readonly account: string;
  /** A key, or a prefix that ends with the separator. */
  readonly path: string;
}

export function Config({ account, path }: Props): JSX.Element {
  const separator = query.value.get("by") ?? "/";
  const isPrefix = path === "" || (separator !== "" && path.endsWith(separator) && query.value.get("key") === null);
  const prefix = isPrefix ? path : (prefixesOf(path, separator).at(-1) ?? "");
  const parts = [
    { href: keyAt(account, ""), label: "Configuration" },
    ...prefixesOf(`${prefix}x`, separator).map((one) => ({
      href: keyAt(account, one),
      label: one.slice((prefixesOf(one, separator).at(-1) ?? "").length),
    })),
    ...(isPrefix ? [] : [{ label: path.slice(prefix.length) }]),
  ];
  return (
    <>
      <Crumbs parts={parts} />
      <h1 class="unseen">{path === "" ? "Configuration" : path}</h1>
      <div class="config">
        <Tree account={account} prefix={prefix} path={path} separator={separator} />
        {isPrefix ? (
          <PrefixPage account={account} prefix={prefix} />
        ) : (
          <KeyPage key={path} account={account} name={path} />
        )}
      </div>
    </>
  );
}

function useKeys(account: string, prefix: string) {
  return useRead(`keys ${account} ${prefix}`, (client) => client.config.list({ prefix, limit: READ }), {
    touches: ({ changes }) => changes.some((one) => one.kind === "key" && one.key.startsWith(prefix)),
  });
}

function Tree({
  account,
  prefix,
  path,
  separator,
}: {
  account: string;
  prefix: string;
  path: string;
  separator: string;
}): JSX.Element {
  const { data, error, again } = useKeys(account, prefix);
  const level = useMemo(
    () =>
      data === undefined
        ? undefined
        : toLevel(
            data.keys.map(({ key }) => key),
            prefix,
            separator,
          ),
    [data, prefix, separator],
  );
  const up = prefix === "" ? undefined : (prefixesOf(prefix, separator).at(-1) ?? "");
  const bySeparator = separator === "/" ? "" : `?by=${encodeURIComponent(separator)}`;
  return (
    <Card
      title={prefix === "" ? "Keys" : prefix}
      side={
        <label class="row tight small second">
          by
          <input
            style={{ width: "44px" }}
            aria-label="Separator of levels"
            value={separator}
            maxLength={3}
            onChange={(event) => setQuery({ by: event.currentTarget.value === "/" ? null : event.currentTarget.value })}
          />
        </label>
      }
    >
      {error !== undefined && data === undefined ? (
        <Failure what="The keys could not be read" error={error} again={again} />
      ) : null}
      {level === undefined ? <Loading /> : null}
      <ul class="tree data">
        {up === undefined ? null : (
          <li>
            <a href={keyAt(account, up) + bySeparator}>.. up</a>
          </li>
        )}
        {level?.folders.map(({ prefix: folder, name, keys }) => (
          <li key={folder}>
            <a href={keyAt(account, folder) + bySeparator}>
              {name}
              <span class="n">{count(keys)}</span>
            </a>
          </li>
        ))}
        {level?.keys.map((key) => (
          <li key={key}>
            <a
              href={
                keyAt(account, key) +
                (separator !== "" && key.endsWith(separator)
                  ? `${bySeparator === "" ? "?" : `${bySeparator}&`}key`
                  : bySeparator)
              }
              aria-current={key === path ? "page" : undefined}
            >
              {key === "" ? "(the empty key)" : key.slice(prefix.length) || key}
            </a>
          </li>
        ))}
      </ul>
      {level !== undefined && level.folders.length + level.keys.length === 0 ? (
        <p class="second">No key is here.</p>
      ) : null}
      {data?.next == null ? null : (
        <p class="small second">The first {count(READ)} keys: open a level to see the others.</p>
      )}
    </Card>
  );
}

function PrefixPage({ account, prefix }: { account: string; prefix: string }): JSX.Element {
  const { data } = useKeys(account, prefix);
  const [name, setName] = useState(prefix);
  const [isDeleting, setDeleting] = useState(false);
  const keys: readonly KeyBody[] = data?.keys ?? [];
  return (
    <Card
      title={prefix === "" ? "Configuration" : `Below ${prefix}`}
      note={data === undefined ? undefined : `${plural(keys.length, "key")}${data.next === null ? "" : " and more"}`}
    >
      <p class="second">Choose a key at the left: its value, its history, and what is different between versions.</p>
      {may("writer") ? (
        <form
          class="fields"
          onSubmit={(event) => {
            event.preventDefault();
            if (name !== "") navigate(`${keyAt(account, name)}?edit=1`);
          }}
        >
          <label>
            New key
            <input value={name} spellcheck={false} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <button type="submit" class="button">
            Write it…
          </button>
          {keys.length > 0 && prefix !== "" ? (
            <button type="button" class="button danger" onClick={() => setDeleting(true)}>
              Delete all below…
            </button>
          ) : null}
        </form>
      ) : null}
      {isDeleting ? (
        <DeletePrefix
          prefix={prefix}
          keys={keys.map(({ key }) => key)}
          isPart={data?.next != null}
          onClose={() => setDeleting(false)}
        />
      ) : null}
    </Card>
  );
}
