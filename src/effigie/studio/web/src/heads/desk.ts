// The desk of a portrait: its preview, and the control template that is worked on. Wishes go out, the newest wins.
import { computed, signal } from "@preact/signals";
import { get, post } from "../api";
import { t } from "../language";
import { readMessage } from "../messages";
import { notify } from "../state";
import { type Control, type Template, type Values, empty } from "./template";

export interface Shown { n: number; state: "draft" | "film"; ms: number; shows: Values; picture: ImageBitmap }
export interface Opened { own: Values; size: [number, number]; frames: number | null; rate: number | null; notes: string[] }

export const template = signal<Template>(empty());
export const controls = signal<Control[]>([]);
export const opened = signal<Opened | null>(null);
export const loading = signal("");
export const shown = signal<Shown | null>(null);
export const trouble = signal("");
export const file = signal(""); // id of the template's file
const saved = signal("");
const past = signal<Template[]>([]);
export const isDirty = computed(() => JSON.stringify(template.value) !== saved.value);
export const canUndo = computed(() => past.value.length > 0);

const MAX_PAST = 200;
const REST_MS = 140; // after which a slider rests, and the film's frame is asked for
let socket: WebSocket | null = null;
let seq = 0;
let wish: { n: number; width: number } | null = null;
let lastChange = "";
let rest = 0;

export function openDesk(portrait: string, driver: string): () => void {
  let closed = false;
  [opened.value, shown.value, trouble.value, loading.value] = [null, null, "", t("the preview starts")];
  const connect = () => {
    if (closed) return;
    socket = new WebSocket(`ws://${location.host}/api/heads/${portrait}${driver ? `?driver=${driver}` : ""}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => send({ do: "open" });
    socket.onmessage = event => void hear(event.data as ArrayBuffer);
    socket.onclose = () => !closed && setTimeout(connect, 1500);
  };
  connect();
  return () => {
    closed = true;
    clearTimeout(rest);
    socket?.close();
    socket = null;
    wish = null;
  };
}

const send = (message: object) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));

// A frame: the draft at once, and the film's when nothing moves any more.
export function show(n: number, width: number, moving = false): void {
  wish = { n, width };
  clearTimeout(rest);
  if (!opened.value) return;
  send({ do: "show", seq: ++seq, ...wish, template: template.value, draft: moving });
  if (moving) rest = setTimeout(() => wish && show(wish.n, wish.width), REST_MS);
}

// One change; those of one slider in one go are one step back.
export function change(next: Template, what = "", moving = false): void {
  if (next === template.value) return;
  if (!what || what !== lastChange) past.value = [...past.value.slice(-MAX_PAST), template.value];
  lastChange = what;
  template.value = next;
  if (wish) show(wish.n, wish.width, moving);
}

export const endOfChange = () => void (lastChange = "");

export function undo(): void {
  const before = past.value.at(-1);
  if (!before) return;
  past.value = past.value.slice(0, -1);
  lastChange = "";
  template.value = before;
  if (wish) show(wish.n, wish.width);
}

export async function openTemplate(id: string): Promise<void> {
  const { version: _, ...found } = id ? { ...empty(), ...(await get<Template>(`/api/templates/${id}`)) } : empty();
  template.value = { ...found, keys: found.keys.map(key => ({ ...key, ease: key.ease ?? "smooth" })) };
  [file.value, past.value, lastChange] = [id, [], ""];
  saved.value = JSON.stringify(template.value);
  if (wish) show(wish.n, wish.width);
}

// Writes the template into the workspace; returns its id.
export async function save(name: string): Promise<string> {
  const now = template.value;
  const made = await post<{ id: string }>("/api/templates", { ...(file.value ? { id: file.value } : { name }), template: now });
  file.value = made.id;
  saved.value = JSON.stringify(now);
  notify("saved");
  return made.id;
}

async function hear(data: ArrayBuffer): Promise<void> {
  const { head, pictures } = readMessage(data);
  if (head.kind === "controls") controls.value = head.controls;
  else if (head.kind === "state" && head.loading) loading.value = head.loading;
  else if (head.kind === "state") {
    [loading.value, opened.value] = ["", head];
    if (wish) show(wish.n, wish.width);
  } else if (head.kind === "error" || head.kind === "ended") {
    trouble.value = head.error;
    if (head.closed || head.kind === "ended") [shown.value, loading.value, opened.value] = [null, "", null];
  } else if (head.kind === "frame" && head.seq <= seq) {
    const [picture] = await pictures();
    trouble.value = "";
    // Of an older wish than the last: near enough to look at, and no more than a draft.
    shown.value = { n: head.n, state: head.seq === seq ? head.state : "draft", ms: head.ms, shows: head.shows, picture: picture! };
  }
}
