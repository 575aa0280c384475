/** The part of an answer that the client reads. */
export interface Answer extends Pick<Response, "ok" | "status" | "statusText" | "body" | "json" | "text"> {
  readonly headers: Pick<Headers, "get">;
}

/** The part of the platform's `fetch` that the client uses: headers are those of a plain object. */
export type Fetch = (url: string, init: RequestInit) => Promise<Answer>;
