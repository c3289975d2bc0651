// Figures and times as people read them.
import { language, number, t } from "./language";
export const size = (bytes: number): string =>
  bytes < 1e6 ? `${number(Math.max(1, bytes / 1e3))} kB` : bytes < 1e9 ? `${number(bytes / 1e6, 1)} MB` : `${number(bytes / 1e9, 1)} GB`;

export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
}

export function timecode(frame: number, rate: number): string {
  const seconds = Math.floor(frame / rate);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}:${two(frame - seconds * rate)}`;
}

export const clock = (seconds: number): string => new Date(seconds * 1000).toLocaleString(language.value, { dateStyle: "medium", timeStyle: "short" });
// A day of a record, as `2027-05-03`; none is no end.
export const day = (iso: string | null): string => (iso ? new Date(`${iso}T00:00`).toLocaleDateString(language.value, { dateStyle: "medium" }) : t("no end"));
export const stem = (name: string): string => name.replace(/^.*\//, "").replace(/\.[^.]*$/, "");

// What the gate says, without the command that it tells users of a terminal: the page has a button for that.
const ADVICE = ": make one with `effigie consent";
export const asksConsent = (why: string): boolean => why.includes(ADVICE);
export const plain = (why: string): string => why.split(ADVICE)[0]!;

// A name for something new that no row has yet.
export function freeName(wish: string, rows: { name: string }[], suffix = ""): string {
  const base = wish.replace(/[^\w .+-]/g, "-").replace(/^[^\w]+/, "").slice(0, 50) || "new";
  const taken = new Set(rows.map(row => row.name));
  for (let i = 1; ; i++) {
    const name = i === 1 ? base : `${base}-${i}`;
    if (!taken.has(name + suffix)) return name;
  }
}

// A model's name with how long it was trained.
export const trained = (name: string, steps: number): string => (steps ? t("{name} · {n} steps", { name, n: number(steps) }) : `${name} · ${t("by geometry alone")}`);
