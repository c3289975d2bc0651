// The desk: one project with its preview. Wishes go out, the newest wins; drafts, settled frames and the film's come in.
import { computed, signal } from "@preact/signals";
import { t } from "../language";
import { readMessage } from "../messages";
import { notify } from "../state";
import type { Control, Project } from "./project";

export type Kind = "footage" | "draft" | "settled" | "film";
type Row = [number, number, number];
export interface Face { model: string; box: [number, number, number, number]; crop: [Row, Row] }
export interface Shown { n: number; state: Kind; ms: number; pictures: ImageBitmap[]; faces: Face[]; size: [number, number] }

export const project = signal<Project | null>(null);
export const controls = signal<Control[]>([]);
export const shown = signal<Shown | null>(null);
export const clip = signal("");
export const progress = signal<{ loading?: string; measured: number; count: number | null; found: [number, number][] }>({ measured: 0, count: null, found: [] });
export const trouble = signal("");
const saved = signal("");
const past = signal<Project[]>([]);
export const isDirty = computed(() => project.value !== null && JSON.stringify(project.value) !== saved.value);
export const canUndo = computed(() => past.value.length > 0);

const MAX_PAST = 200;
let socket: WebSocket | null = null;
let seq = 0;
let wish: { n: number; width: number } | null = null;
let lastChange = "";

export function openDesk(id: string): () => void {
  let closed = false;
  [project.value, shown.value, clip.value, trouble.value, past.value] = [null, null, "", "", []];
  progress.value = { loading: t("the preview starts"), measured: 0, count: null, found: [] };
  const connect = () => {
    if (closed) return;
    socket = new WebSocket(`ws://${location.host}/api/merge/${id}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => send({ do: "open" });
    socket.onmessage = event => void hear(event.data as ArrayBuffer);
    socket.onclose = () => !closed && setTimeout(connect, 1500);
  };
  connect();
  return () => {
    closed = true;
    socket?.close();
    socket = null;
    wish = null;
  };
}

const send = (message: object) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));

export function show(n: number, width: number): void {
  wish = { n, width };
  if (project.value) send({ do: "show", seq: ++seq, ...wish, project: project.value });
}

// One change; those of one slider in one go are one step back.
export function change(next: Project, what = ""): void {
  if (!project.value || next === project.value) return;
  if (!what || what !== lastChange) past.value = [...past.value.slice(-MAX_PAST), project.value];
  lastChange = what;
  project.value = next;
  if (wish) show(wish.n, wish.width);
}

export const endOfChange = () => void (lastChange = "");

export function undo(): void {
  const before = past.value.at(-1);
  if (!before) return;
  past.value = past.value.slice(0, -1);
  lastChange = "";
  project.value = before;
  if (wish) show(wish.n, wish.width);
}

let whenSaved: (() => void) | null = null;
export function save(then?: () => void): void {
  if (!project.value) return;
  whenSaved = then ?? null;
  pending = JSON.stringify(project.value);
  send({ do: "save", seq: ++seq, project: project.value });
}
let pending = "";

async function hear(data: ArrayBuffer): Promise<void> {
  const { head, pictures } = readMessage(data);
  if (head.kind === "project") {
    if (!project.value || !isDirty.value) {
      project.value = head.project;
      saved.value = JSON.stringify(head.project);
    }
    controls.value = head.controls;
    if (wish) show(wish.n, wish.width);
  } else if (head.kind === "state") {
    const before = progress.value;
    progress.value = { loading: head.loading, measured: head.measured ?? 0, count: head.count ?? before.count, found: head.found ?? [] };
    if (before.loading && !head.loading && wish) show(wish.n, wish.width);
  } else if (head.kind === "clip") clip.value = head.id;
  else if (head.kind === "saved") {
    saved.value = pending;
    notify("saved");
    whenSaved?.();
    whenSaved = null;
  } else if (head.kind === "error" || head.kind === "ended") {
    trouble.value = head.error;
    if (head.closed || head.kind === "ended") {
      shown.value = null;
      progress.value = { ...progress.value, loading: undefined };
    }
    whenSaved = null;
  } else if (head.kind === "frame" && head.seq <= seq) {
    const made = await pictures();
    trouble.value = "";
    // Of an older wish than the last: near enough to look at, and no more than a draft.
    shown.value = { n: head.n, state: head.seq === seq ? head.state : "draft", ms: head.ms, pictures: made, faces: head.faces, size: head.size };
  }
}
