// Two models on one clip: wishes go out, the newest wins; the same frame of both comes in, as drafts and as the films'.
import { signal } from "@preact/signals";
import { t } from "../language";
import { readMessage } from "../messages";

export type Kind = "draft" | "settled" | "film";
export interface Shown { n: number; state: Kind; ms: number; pictures: ImageBitmap[]; replaced: number[] }
export interface Progress { loading?: string; measured: number; count: number | null; found: [number, number][][]; models: { name: string; steps: number }[] }

const NOTHING: Progress = { measured: 0, count: null, found: [], models: [] };
export const shown = signal<Shown | null>(null);
export const progress = signal<Progress>(NOTHING);
export const trouble = signal("");

const RETRY_MS = 1500;
let socket: WebSocket | null = null;
let seq = 0;
let wish: { n: number; width: number } | null = null;

const flush = () => wish && socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ do: "show", seq: ++seq, ...wish }));

export function show(n: number, width: number): void {
  wish = { n, width };
  flush();
}

// Opens the clip with both models; what is returned ends it.
export function openDesk(clip: string, models: string[]): () => void {
  let closed = false;
  [shown.value, trouble.value, progress.value] = [null, "", { ...NOTHING, loading: t("the preview starts") }];
  const connect = () => {
    if (closed) return;
    const own = (socket = new WebSocket(`ws://${location.host}/api/compare/${clip}?${models.map(id => `model=${id}`).join("&")}`));
    own.binaryType = "arraybuffer";
    own.onopen = flush;
    own.onmessage = event => own === socket && void hear(event.data as ArrayBuffer);
    own.onclose = () => !closed && !trouble.value && setTimeout(connect, RETRY_MS);
  };
  connect();
  return () => {
    closed = true;
    socket?.close();
    [socket, wish] = [null, null];
  };
}

async function hear(data: ArrayBuffer): Promise<void> {
  const { head, pictures } = readMessage(data);
  if (head.kind === "state") progress.value = { ...progress.value, loading: undefined, ...head };
  else if (head.kind === "error" || head.kind === "ended") {
    trouble.value = head.error;
    if (head.closed || head.kind === "ended") [shown.value, progress.value] = [null, { ...progress.value, loading: undefined }];
  } else if (head.kind === "frame" && head.seq <= seq) {
    const made = await pictures();
    trouble.value = "";
    shown.value = { n: head.n, state: head.seq === seq ? head.state : "draft", ms: head.ms, pictures: made, replaced: head.replaced };
  }
}
