/** @live Closing a connection so that its last answer arrives. */
import type { Socket } from "node:net";

const LINGER_MS = 1000;
const LINGER_BYTES_MAX = 1024 * 1024;

/**
 * Ends a socket whose client may still be sending. Closing it with unread bytes would make the kernel send a reset,
 * which can destroy the answer on its way (RFC 9112 §9.6): so read and forget for a moment, within bounds.
 */
export function lingeringEnd(socket: Socket): void {
  if (socket.destroyed) return;
  let left = LINGER_BYTES_MAX;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  // Whoever parsed the input must not find another request in it: RFC 9112 §9.6.
  socket.removeAllListeners("data");
  socket.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) socket.destroy();
  });
  socket.on("end", () => socket.destroy());
  socket.on("close", () => clearTimeout(timer));
  socket.end();
  socket.resume();
}

/** Lets node:http close this connection gently after its last answer. */
export function lingerOnClose(socket: Socket): void {
  socket.destroySoon = () => {
    socket.destroySoon = () => {};
    lingeringEnd(socket);
  };
}
