/** The part of a logger that listeners use. */
export interface ListenerLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A line of the log of requests: one for each that is picked, when it is over. */
export interface RequestLine {
  readonly dialect: string;
  /** Empty where no account was entered. */
  readonly account: string;
  /** The name of who asked; empty where that is not known. */
  readonly who: string;
  /** The client's address. */
  readonly from: string;
  /** Method and path, or type and name: never what may hold a secret, as a query may. */
  readonly asked: string;
  /** A status of HTTP, or a code of the protocol by its name. */
  readonly outcome: number | string;
  /** From its first byte to its end; of a stream, how long it was open. */
  readonly ms: number;
}

export interface RequestLog {
  /** Whether the request at hand gets a line. Costs nothing while none does. */
  picks(): boolean;
  write(line: RequestLine): void;
}
