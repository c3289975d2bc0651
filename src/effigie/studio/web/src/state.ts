// What every page looks at.
import { computed, signal } from "@preact/signals";
import type { Job, Library, People, Voices } from "./types";

export const PAGES = ["people", "clips", "faces", "train", "swap", "merge", "heads", "voices", "results", "jobs"] as const;
export type Page = (typeof PAGES)[number];

export const library = signal<Library | null>(null);
export const people = signal<People>({ records: [], requests: [] });
export const voices = signal<Voices | null>(null); // while their page is open
export const jobs = signal<Job[]>([]);
export const connection = signal<"open" | "lost">("open");
export const page = signal<Page>("clips");
export const focus = signal(""); // id of what a page shows, from the address
export const notices = signal<{ key: number; text: string; bad: boolean; to?: string }[]>([]);
export const help = signal(false);

// Jobs whose end a page tells in its own place.
export const toldInPlace = new Set<string>();

export const running = computed(() => jobs.value.filter(job => job.state === "running"));
export const waiting = computed(() => jobs.value.filter(job => job.state === "queued"));
// What lies under results, and what is going to: names that are taken there.
export const takenNames = computed(() => [...(library.value?.results ?? []), ...[...running.value, ...waiting.value].map(job => ({ name: job.makes ?? "" }))]);
export const validRecords = computed(() => people.value.records.filter(record => record.state === "valid"));
export const isEmpty = computed(() => {
  const found = library.value;
  return found !== null && !found.clips.length && !found.facesets.length && !found.models.length && !found.results.length;
});

let count = 0;
// `to`: address of the page's part that says more.
export function notify(text: string, bad = false, to?: string): void {
  const key = ++count;
  notices.value = [...notices.value.slice(-3), { key, text, bad, to }];
  setTimeout(() => dismiss(key), bad ? 15000 : 5000);
}

export function dismiss(key: number): void {
  notices.value = notices.value.filter(notice => notice.key !== key);
}

export function go(to: Page, id = ""): void {
  location.hash = id ? `${to}/${id}` : to;
}

export function readAddress(): void {
  const [name, id] = location.hash.slice(1).split("/");
  page.value = PAGES.find(one => one === name) ?? "clips";
  focus.value = id ?? "";
}
