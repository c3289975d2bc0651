// How strong a consent is, in words.
import type { Message } from "./language";

export const STRENGTHS: Record<string, Message> = {
  attested: "attested: somebody says so and signed",
  granted: "granted: signed by the person",
  witnessed: "witnessed: the person followed a random challenge before a camera or microphone",
};
