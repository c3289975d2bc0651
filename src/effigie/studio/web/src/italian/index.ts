// Everything that the page says, English on the left, Italian on the right; `language.ts` has no key that is not here.
import { CONTROLS } from "./controls";
import { FOOTAGE } from "./footage";
import { FRAME } from "./frame";
import { MAKING } from "./making";
import { OUTCOME } from "./outcome";
import { PEOPLE } from "./people";
import { SERVER } from "./server";
import { VOICES } from "./voices";

export const ITALIAN = { ...FRAME, ...PEOPLE, ...FOOTAGE, ...MAKING, ...OUTCOME, ...VOICES, ...CONTROLS, ...SERVER };
