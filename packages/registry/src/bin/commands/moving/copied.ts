/** What became of the things that were to be copied. */

/** `same`: it was there already. `differs`: another one is there, and stays. `held`: a session has it. */
export type Fate = "copied" | "same" | "differs" | "held" | "refused";

export class Copied {
  readonly #names: Record<Fate, string[]> = { copied: [], same: [], differs: [], held: [], refused: [] };
  #counts: Record<Fate, number> = { copied: 0, same: 0, differs: 0, held: 0, refused: 0 };
  readonly #why = new Map<string, string>();

  add(fate: Fate, name: string, why?: string): void {
    this.#counts[fate]++;
    if (fate !== "copied" && fate !== "same") this.#names[fate].push(name);
    if (why !== undefined) this.#why.set(name, why);
  }

  get refused(): number {
    return this.#counts.refused;
  }

  document(): object {
    const { copied, same } = this.#counts;
    const { differs, held, refused } = this.#names;
    return { copied, same, differs, held, refused: refused.map((name) => ({ name, why: this.#why.get(name) ?? "" })) };
  }

  /** For people: a line, and one for each that was not copied. */
  lines(noun: string, isDry: boolean): readonly string[] {
    const { copied, same, differs, held, refused } = this.#counts;
    const parts = [
      `${copied} ${isDry ? "to copy" : "copied"}`,
      `${same} there already`,
      ...(differs > 0 ? [`${differs} differ and stay as they are here (--overwrite copies them)`] : []),
      ...(held > 0 ? [`${held} held by a session are left out`] : []),
      ...(refused > 0 ? [`${refused} refused`] : []),
    ];
    const rest = (["differs", "held", "refused"] as const).flatMap((fate) => this.#some(fate));
    return [`${noun}: ${parts.join(", ")}`, ...rest];
  }

  #some(fate: "differs" | "held" | "refused"): readonly string[] {
    const names = this.#names[fate];
    const shown = names.slice(0, SHOWN_MAX).map((name) => {
      const why = this.#why.get(name);
      return `  ${fate}: ${name}${why === undefined ? "" : ` (${why})`}`;
    });
    return names.length > SHOWN_MAX ? [...shown, `  … and ${names.length - SHOWN_MAX} more`] : shown;
  }
}

const SHOWN_MAX = 20;
