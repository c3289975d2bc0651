// What the server tells, as JSON.
export interface Clip { id: string; name: string; origin: "workspace" | "picked" | "sample"; video: boolean; bytes: number; time: number }
export interface FaceSet { id: string; name: string; faces: number; clips: number; time: number }
export interface Model { id: string; name: string; steps: number; error: number | null; finished: boolean; time: number }
export interface Result { id: string; name: string; video: boolean; sound: boolean; bytes: number; time: number; input: string | null; sheet: string | null }
export interface ProjectFile { id: string; name: string; time: number; clip: string; models: string[]; shots: number }
export interface TemplateFile { id: string; name: string; time: number; keys: number; seconds: number }
export interface SoundFile { id: string; name: string; time: number; bytes: number; video: boolean }
export interface Library { workspace: string; path: string; clips: Clip[]; facesets: FaceSet[]; models: Model[]; results: Result[]; projects: ProjectFile[]; templates: TemplateFile[]; sounds: SoundFile[]; recordings: SoundFile[]; voices: { id: string; name: string }[] }
export interface ClipInfo { width: number; height: number; rate: number | null; frames: number; seconds: number | null; codec: string; sound: boolean }
export interface Progress { stage: string | null; done: number | null; total: number | null; unit: string | null; rate: number | null; left_s: number | null; note: string | null }
export interface Job {
  id: string; title: string; command: string; lane: string; state: "queued" | "running" | "done" | "failed" | "stopped"; message: string;
  created: number; started: number | null; ended: number | null; cancelled: boolean; output: string | null; makes: string | null; voice: string | null; progress: Progress | null;
}
export interface ConsentRecord {
  id: string; subject: string; uses: string[]; voice: boolean; purpose: string | null; territory: string | null; begins: string; until: string | null;
  strength: string; witness: string | null; file: string; basis: string; evidence: string[]; bare: boolean; signed: string[]; state: string; revoked: string | null; own: boolean;
}
export interface ConsentRequest { id: string; own: boolean; subject: string; uses: string[]; until: string | null; file: string; command: string }
export interface People { records: ConsentRecord[]; requests: ConsentRequest[] }
export interface Lock { open: boolean; why: string; records: { id: string; subject: string; until: string | null }[] }
export interface Mark { id: string; confidence: number; edits: string[] }
export interface Ingredient { title: string; relationship: string; state: string; generator: string | null; issuer: string | null; output_id: string | null; problems: string[] }
export interface Credentials {
  state: string; issuer: string | null; generator: string | null; output_id: string | null; command: string | null; consents: string[]; consent_strengths: string[];
  model_hash: string | null; source_types: string[]; actions: string[]; ingredients: Ingredient[]; mark: string | null; signed_at: string | null; problems: string[];
}
export interface Verification {
  verdict: string; lines: string[]; credentials: Credentials; watermark: Mark | null; sound_watermark: Mark | null;
  consent: { state: string; records: { id: string; state: string; subject: string | null; until: string | null; strength: string | null }[] } | null;
  ledger: { output_id: string; time: string; command: string; name: string; model_hash: string | null; file_sha256: string; matched: string[] } | null;
}
export interface WorstFrames { ended: number | null; worst: { person: number; frame: number; why: string }[]; figures: { name: string; value: number | string; unit: string; reached: boolean }[] }
export interface CurveRow { step: number; seconds: number; loss?: number; held_out_error?: number; held_out_error_eyes?: number; held_out_error_mouth?: number; held_out_error_skin?: number }
export interface Training { curve: CurveRow[]; previews: { step: number; id: string }[] }
export interface FaceColumns {
  revision: string; clips: string[]; clip: number[]; frame: number[]; track: number[]; person: number[]; yaw: number[]; pitch: number[]; sharpness: number[]; confidence: number[];
}
export interface FaceFinding { kind: string; why: string; drop: boolean; rows: number[] }
export interface FaceReview { ended: number | null; changed: boolean; revision: string; findings: FaceFinding[]; advice: string[] }
export interface Voice {
  id: string; name: string; base: string; f0_hz: number; learned: string | null; consents: { id: string; subject: string; state: string }[];
  recordings?: string[]; steps?: number; error?: number; missing?: string;
}
export interface Answer { id: string; record: string; sentence: string; asked: string; words_right: number; agrees: boolean }
export interface Quality { duration_s: number; speech_s: number; level_db: number; noise_db: number | null; bandwidth_hz: number; f0_hz: number[] }
export interface Review {
  job: string; ended: number; files: string[];
  found: { recordings: { name: string; quality: Quality; words: string[]; sureness: number | null; advice: string[] }[]; missing: string; rare: string; advice: string[] };
}
export interface Voices { voices: Voice[]; stock: { name: string; kind: string }[]; likeness: { speak: number; convert: number }; answers: Answer[]; reviews: Review[] }
export interface SoundLook {
  seconds: number; speech_s: number; level_db: number; noise_db: number | null; bandwidth_hz: number; f0_hz: number[]; f0_rate: number; f0: number[]; advice: string[];
}
