/** Which version shows which status. */
import type { InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { countLooks, LOOKS } from "../../model/status.ts";
import { compareNames } from "../../model/verdict.ts";
import { Bar } from "../../parts/bar.tsx";
import { Card } from "../../parts/card.tsx";

const SHOWN = 12;

export function Versions({ instances }: { instances: readonly InstanceBody[] }): JSX.Element | null {
  const versions = [...new Set(instances.map(({ version }) => version))]
    .filter((one) => one !== "")
    .sort((one, other) => compareNames(other, one));
  if (versions.length === 0) return null;
  const counts = countLooks(instances);
  const looks = LOOKS.filter((look) => counts[look]).slice(0, 3);
  return (
    <Card title="Version by status" bare>
      <div class="scroll-x">
        <table class="flat">
          <thead>
            <tr>
              <th scope="col">Version</th>
              {looks.map((look) => (
                <th key={look} scope="col" class="num">
                  {look}
                </th>
              ))}
              <th scope="col">
                <span class="unseen">As a bar</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {versions.slice(0, SHOWN).map((version) => {
              const own = countLooks(instances.filter((one) => one.version === version));
              return (
                <tr key={version}>
                  <td>{version}</td>
                  {looks.map((look) => (
                    <td key={look} class={`num ${own[look] ? "strong" : "quiet"}`}>
                      {own[look] ?? 0}
                    </td>
                  ))}
                  <td class="bar-cell">
                    <Bar counts={own} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
