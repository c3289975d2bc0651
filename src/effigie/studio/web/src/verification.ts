// What verify finds in results, and in files from anywhere.
import { signal } from "@preact/signals";
import { get, put } from "./api";
import type { Verification } from "./types";

export interface Finding { name: string; state: "reading" | "read" | "failed"; found: Verification | null; error: string }
export const findings = signal<Record<string, Finding>>({});
export const dropped = signal<string[]>([]); // keys of findings, the last first

const set = (key: string, finding: Finding) => (findings.value = { ...findings.value, [key]: finding });

async function look(key: string, name: string, ask: () => Promise<Verification>): Promise<void> {
  set(key, { name, state: "reading", found: null, error: "" });
  try {
    set(key, { name, state: "read", found: await ask(), error: "" });
  } catch (error) {
    set(key, { name, state: "failed", found: null, error: (error as Error).message });
  }
}

export const verifyResult = (id: string, name: string) => look(id, name, () => get<Verification>(`/api/results/${id}/verify`));

export async function verifyFile(file: File): Promise<void> {
  const key = `${file.name} ${Date.now()}`;
  dropped.value = [key, ...dropped.value].slice(0, 8);
  await look(key, file.name, () => put<Verification>(`/api/verify?name=${encodeURIComponent(file.name)}`, file));
}
