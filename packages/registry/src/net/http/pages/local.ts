/**
 * Guards an open registry on loopback against web pages. A page that somebody on this machine looks at may send requests
 * to loopback: they carry its Origin, or, when its name was made to point here (DNS rebinding), its name as Host.
 */

const LOCAL_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/**
 * What is wrong with a request to an open registry, in words; undefined when it comes from no foreign page. A foreign
 * Host alone proves nothing (programs send what they like there); together with a browser's name it does.
 */
export function refuseForeignPage(rawHeaders: readonly string[]): string | undefined {
  let foreignHost = false;
  let browser = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const value = rawHeaders[i + 1] as string;
    if (name === "host") foreignHost = !LOCAL_HOST.test(value);
    else if (name === "user-agent") browser = isBrowser(value);
    else if (name === "origin" && !isLocalOrigin(value)) return FOREIGN;
    else if (name === "sec-fetch-site" && value.toLowerCase() === "cross-site") return FOREIGN;
  }
  return foreignHost && browser ? FOREIGN : undefined;
}

const FOREIGN = "an open registry takes no requests from web pages of other sites; ask it as localhost or 127.0.0.1";

/** Every browser calls itself so. */
export function isBrowser(userAgent: string): boolean {
  return userAgent.includes("Mozilla/");
}

function isLocalOrigin(origin: string): boolean {
  const host = /^https?:\/\/(.*)$/i.exec(origin)?.[1];
  return host !== undefined && LOCAL_HOST.test(host);
}
