// Sounds of the workspace: what a voice may be learned from, and all in which somebody speaks.
import { t } from "../language";
import { library } from "../state";

export interface Heard { id: string; name: string }

// Recordings, sounds that were brought in, and videos for their sound; nothing that effigie made.
export function listRecordings(): Heard[] {
  const { recordings, sounds, results, clips } = library.value!;
  const made = new Set(results.map(one => one.id));
  return [...recordings, ...sounds.filter(one => !made.has(one.id)), ...clips.filter(one => one.video)].map(({ id, name }) => ({ id, name }));
}

export function listSpeech(): Heard[] {
  const { results, sounds } = library.value!;
  const made = new Set(results.map(one => one.id));
  return [...listRecordings(), ...sounds.filter(one => made.has(one.id)).map(one => ({ id: one.id, name: t("made: {name}", { name: one.name }) }))];
}
