/** A trouble that goes on is said once, and once that it is over. Pure. */
export interface Say {
  warn(details: object, text: string): void;
  info(details: object, text: string): void;
}

export class Once {
  readonly #say: Say;
  readonly #said = new Map<string, string>();

  constructor(say: Say) {
    this.#say = say;
  }

  /** `about` names what is in trouble. */
  trouble(about: string, why: string): void {
    if (this.#said.get(about) === why) return;
    this.#said.set(about, why);
    this.#say.warn({ about, why }, `${about}: ${why}`);
  }

  /** What happened, each time. */
  tell(about: string, what: string): void {
    this.#say.info({ about }, `${about}: ${what}`);
  }

  over(about: string): void {
    if (this.#said.delete(about)) this.#say.info({ about }, `${about} is well again`);
  }
}
