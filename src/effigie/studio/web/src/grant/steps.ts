// What a challenge asks for, in words and with a sign, and how long each step is given.
import { type Message } from "../language";

export interface Challenge { nonce: string; steps: string[]; sentence: string | null; expires: string }
export interface Terms {
  subject: string; uses: string[]; purpose: string | null; territory: string | null; begins: string; until: string | null; basis: string; face: boolean; voice: boolean;
}
export interface Step { sign: string; text: string; brief: string; seconds: number }

export const READ_ALOUD: Message = "read aloud";
export const COUNTDOWN_S = 3;
const STEP_S = 4;
const WORDS_A_SECOND = 1.6;
// Signs point as in the mirror: the person's left is on the left.
const STEPS: Record<string, [string, Message, Message]> = {
  "turn-left": ["←", "Turn your head to your left, and back", "turn left"],
  "turn-right": ["→", "Turn your head to your right, and back", "turn right"],
  "look-up": ["↑", "Look up, and back", "look up"],
  smile: ["⌣", "Smile broadly, and stop", "smile"],
  blink: ["–", "Close both eyes for a moment", "blink"],
  "open-mouth": ["○", "Open your mouth wide, and close it", "open mouth"],
};

export function list(challenge: Challenge): Step[] {
  const steps = challenge.steps.map(name => {
    const [sign, text, brief] = STEPS[name] ?? ["•", name, name];
    return { sign, text, brief, seconds: STEP_S };
  });
  if (!challenge.sentence) return steps;
  const seconds = Math.max(6, challenge.sentence.split(" ").length / WORDS_A_SECOND);
  return [...steps, { sign: "❝", text: challenge.sentence, brief: READ_ALOUD, seconds }];
}
