// Files that are dropped or chosen: clips come into the workspace, records to the people, others are verified.
import { signal } from "@preact/signals";
import { put } from "./api";
import { t } from "./language";
import { reload } from "./live";
import { go, notify, page } from "./state";
import { verifyFile } from "./verification";

// What a chooser of files offers for clips.
export const CLIP_TYPES = "video/*,image/*,.mkv,.mxf";
export const uploads = signal<{ key: number; name: string; share: number }[]>([]);
let count = 0;

export async function upload(file: File, kind: "clips" | "evidence" | "recordings" | "sounds"): Promise<string | null> {
  const key = ++count;
  uploads.value = [...uploads.value, { key, name: file.name, share: 0 }];
  const progress = (share: number) => (uploads.value = uploads.value.map(one => (one.key === key ? { ...one, share } : one)));
  try {
    const answer = await put<{ id: string }>(`/api/uploads/${kind}?name=${encodeURIComponent(file.name)}`, file, progress);
    return answer.id;
  } catch (error) {
    notify((error as Error).message, true);
    return null;
  } finally {
    uploads.value = uploads.value.filter(one => one.key !== key);
  }
}

export async function takeFiles(files: File[]): Promise<void> {
  let first: string | null = null; // clip that came
  for (const file of files) {
    if (file.name.endsWith(".json")) await takeRecord(file);
    else if (page.value === "results") await verifyFile(file);
    else if (page.value === "voices" && /^(audio|video)/.test(file.type)) await upload(file, "recordings");
    else if (file.type.startsWith("audio")) await upload(file, "sounds");
    else {
      const id = await upload(file, "clips");
      first ??= id;
    }
  }
  await reload();
  if (first && page.value === "clips") go("clips", first);
}

async function takeRecord(file: File): Promise<void> {
  try {
    const answer = await put<{ id: string }>(`/api/people/record?name=${encodeURIComponent(file.name)}`, file);
    notify(t("taken in: {id}", { id: answer.id }));
  } catch (error) {
    notify((error as Error).message, true);
  }
}
