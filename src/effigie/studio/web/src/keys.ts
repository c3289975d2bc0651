// Keys of the whole page. What is typed into a field stays there.
import { useLayoutEffect } from "preact/hooks";
import { type Message } from "./language";
import { PAGES, go, help } from "./state";

export type Keys = Record<string, (event: KeyboardEvent) => void>;

// Whether the focused element has a use for the key itself.
function isTaken(event: KeyboardEvent): boolean {
  const target = event.target as HTMLInputElement;
  if (event.key === " " || event.key === "Enter") return target.matches("button, a, summary, input, select, textarea, video, label");
  if (target.matches("video")) return true;
  return target.matches("select, textarea, input:not([type=checkbox], [type=file])");
}

export function useKeys(keys: Keys): void {
  // Before the next key: an effect after painting would leave it to the keys of the page as it was.
  useLayoutEffect(() => {
    const hear = (event: KeyboardEvent) => {
      if (isTaken(event) || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const name = (event.ctrlKey ? "Ctrl+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
      const act = keys[name];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    addEventListener("keydown", hear);
    return () => removeEventListener("keydown", hear);
  });
}

export const pageKeys: Keys = {
  ...Object.fromEntries(PAGES.map((page, index) => [String((index + 1) % 10), () => go(page)])),
  "?": () => (help.value = true),
};

export const KEY_HELP: [string, Message][] = [
  ["1 – 9, 0", "pages"],
  ["← →", "a frame back, on; with Shift ten"],
  ["Home End", "first, last frame"],
  ["J K L, Space", "play back, stop, play"],
  ["W S D A", "wipe, side by side, difference, only before or after"],
  ["[ ]", "move the wipe"],
  ["I O, N", "merge: in, out, make a shot of it"],
  ["F, PgUp PgDn", "merge: a key here or none, to the next border or key"],
  ["M, B", "merge: the mask, the brush; Alt erases or adds, [ ] its size"],
  ["F, PgUp PgDn, C", "heads: a key here or none, to the next key, calm"],
  ["Ctrl+Z, Ctrl+S", "merge and heads: take back, save"],
  ["Ctrl+Enter", "voices: say what is written"],
  ["Ctrl+G", "go to a frame"],
  ["↑ ↓ ← →", "faces and clips: move; Shift marks a row of them, Space one, Ctrl+A all"],
  ["X", "faces: mark to drop; Ctrl+Z takes the last marks back"],
  ["?", "this list"],
];
