/** What it registered with. All of it is text; an address of the web may be followed. */
import type { InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { Card } from "../../parts/card.tsx";

const META_MAX = 60;

export function Facts({ instance }: { instance: InstanceBody }): JSX.Element {
  const { address, ports, protocol, version, zone, weight, tags, meta, via } = instance;
  const rows: readonly (readonly [string, string])[] = [
    ["Address", address],
    [
      "Ports",
      Object.entries(ports)
        .map(([name, port]) => `${name} ${port}`)
        .join(", "),
    ],
    ["Protocol", protocol],
    ["Version", version],
    ["Zone", zone],
    ["Weight", String(weight)],
    ["Came through", via],
  ];
  return (
    <Card title="Facts">
      <dl class="facts data">
        {rows
          .filter(([, value]) => value !== "")
          .map(([name, value]) => (
            <>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </>
          ))}
        {tags.length === 0 ? null : (
          <>
            <dt>Tags</dt>
            <dd class="tags">
              {tags.map((tag) => (
                <span key={tag} class="tag">
                  {tag}
                </span>
              ))}
            </dd>
          </>
        )}
        {Object.entries(meta).length === 0 ? null : (
          <>
            <dt>Meta</dt>
            <dd class="mono">
              {Object.entries(meta)
                .slice(0, META_MAX)
                .map(([name, value]) => (
                  <div key={name}>
                    {name}=
                    {isWebAddress(value) ? (
                      <a href={value} target="_blank" rel="noreferrer noopener">
                        {value}
                      </a>
                    ) : (
                      value
                    )}
                  </div>
                ))}
            </dd>
          </>
        )}
      </dl>
    </Card>
  );
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^\s]+$/.test(text) && URL.canParse(text);
}
