// The brush under the pointer: a stroke grows, and every frame that comes shows it.
import type { RefObject } from "preact";
import { useRef, useState } from "preact/hooks";
import { beginStroke, extendStroke, findFace, placePicture } from "./brush";
import * as desk from "./desk";
import { type Stroke, withStroke } from "./project";

export interface Ring { x: number; y: number; size: number }

export function usePaint(canvas: RefObject<HTMLCanvasElement | null>, n: number, side: boolean) {
  const stroke = useRef<Stroke | null>(null);
  const [ring, setRing] = useState<Ring | null>(null);
  const paint = (event: PointerEvent) => {
    const [project, shown] = [desk.project.value, desk.shown.value];
    const picture = shown?.pictures[0];
    if (!canvas.current || !project || !picture) return;
    const place = placePicture(canvas.current, picture, side, event.clientX);
    const found = findFace(shown, place, event.clientX, event.clientY);
    if (!found) return setRing(null);
    const box = canvas.current.getBoundingClientRect();
    setRing({ x: event.clientX - box.left, y: event.clientY - box.top, size: found.ring });
    if (event.type === "pointerdown") {
      desk.endOfChange();
      stroke.current = beginStroke(project, n, found.face, found.x, found.y, event.altKey);
      desk.change(withStroke(project, null, stroke.current), "stroke");
    } else if (stroke.current && event.buttons & 1) {
      const longer = extendStroke(stroke.current, found.x, found.y);
      if (longer !== stroke.current) desk.change(withStroke(project, stroke.current, longer), "stroke");
      stroke.current = longer;
    }
  };
  const lift = () => {
    stroke.current = null;
    desk.endOfChange();
  };
  return { paint, lift, ring, leave: () => setRing(null) };
}
