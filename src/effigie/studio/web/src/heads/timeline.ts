// The timeline of a template: time, a lane for each control with its way from key to key, keys, the playhead.
import { number, told } from "../language";
import { begin, color } from "../paint";
import { type Control, type Template, frameOf, named, valueAt } from "./template";

export interface Track { n: number; count: number; rate: number; controls: Control[] }

const TOP = 18; // px, of the ruler
export const LANE = 17; // px
const LEFT = 76; // px, of the lanes' names

export const laneHeight = (template: Template): number => TOP + 6 + LANE * Math.max(2, named(template).length);

// The frame under a pointer.
export function frameAt(canvas: HTMLCanvasElement, event: PointerEvent, count: number): number {
  const box = canvas.getBoundingClientRect();
  return Math.max(0, Math.min(count - 1, Math.floor(((event.clientX - box.left - LEFT) / Math.max(1, box.width - LEFT)) * count)));
}

export function drawLanes(canvas: HTMLCanvasElement, template: Template, track: Track): void {
  const { c, W, H, d } = begin(canvas);
  const at = (frame: number) => LEFT * d + (frame / Math.max(1, track.count)) * (W - LEFT * d);
  c.fillStyle = color("--track");
  c.fillRect(LEFT * d, TOP * d, W, H - (TOP + 4) * d);
  const stride = [0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600].find(s => at(s * track.rate) - at(0) > 56 * d) ?? 1800;
  c.fillStyle = color("--dim");
  for (let s = 0; s * track.rate < track.count; s += stride) {
    c.fillRect(Math.round(at(s * track.rate)), (TOP - 5) * d, d, 5 * d);
    c.fillText(`${number(s, s % 1 ? 1 : 0)} s`, at(s * track.rate) + 3 * d, 11 * d);
  }
  named(template).forEach((name, lane) => {
    const [top, bottom] = [(TOP + 3 + lane * LANE) * d, (TOP + 3 + (lane + 1) * LANE - 3) * d];
    const control = track.controls.find(one => one.name === name);
    const [low, high] = [control?.low ?? -1, control?.high ?? 1];
    const y = (value: number) => bottom - ((value - low) / (high - low)) * (bottom - top);
    c.fillStyle = color("--dim");
    c.fillText(told(control?.label ?? name), 8 * d, bottom - 2 * d);
    c.strokeStyle = color("--line");
    c.lineWidth = d;
    c.strokeRect(LEFT * d, bottom + 1.5 * d, W, 0);
    c.strokeStyle = color("--accent");
    c.lineWidth = 1.4 * d;
    c.beginPath();
    const step = Math.max(1, Math.floor(track.count / 600));
    for (let n = 0; n < track.count; n += step) c.lineTo(at(n + 0.5), y(valueAt(template, name, n / track.rate)!));
    c.stroke();
    c.fillStyle = color("--warn");
    for (const key of template.keys) {
      if (key[name] === undefined) continue;
      const [x, v, r] = [at(frameOf(template, key, track.rate) + 0.5), y(key[name] as number), 4 * d];
      c.beginPath();
      c.moveTo(x, v - r);
      c.lineTo(x + r, v);
      c.lineTo(x, v + r);
      c.lineTo(x - r, v);
      c.fill();
    }
  });
  c.fillStyle = color("--accent");
  const x = at(track.n + 0.5);
  c.fillRect(x - d / 2, (TOP - 6) * d, 1.5 * d, H);
  c.beginPath();
  c.moveTo(x - 5 * d, (TOP - 8) * d);
  c.lineTo(x + 5 * d, (TOP - 8) * d);
  c.lineTo(x, (TOP - 1) * d);
  c.fill();
}
