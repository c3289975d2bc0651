// The timeline of a project: time, shots, keys, in and out, how far the clip is measured, the playhead.
import { t } from "../language";
import { begin, color } from "../paint";
import { type Project, end } from "./project";

export interface Track { n: number; count: number; rate: number; measured: number; found: [number, number][]; in: number | null; out: number | null }

const TOP = 16; // px, of the ruler
export function drawTrack(canvas: HTMLCanvasElement, project: Project | null, track: Track): void {
  const { c, W, H, d } = begin(canvas);
  const at = (frame: number) => (frame / Math.max(1, track.count)) * W;
  const [top, bottom] = [TOP * d, H - 8 * d];
  c.fillStyle = color("--track");
  c.fillRect(0, top, W, bottom - top);
  const stride = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800].find(s => at(s * track.rate) > 64 * d) ?? 3600;
  c.fillStyle = color("--dim");
  for (let s = 0; s * track.rate < track.count; s += stride) {
    c.fillRect(Math.round(at(s * track.rate)), TOP * d - 5 * d, d, 5 * d);
    c.fillText(`${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`, at(s * track.rate) + 3 * d, 10 * d);
  }
  project?.shots.forEach((shot, index) => {
    const [left, right] = [at(shot.first), at(end(shot, track.count) + 1)];
    const inside = shot.first <= track.n && track.n <= end(shot, track.count);
    c.fillStyle = shot.skip ? color("--line") : color(inside ? "--shot-on" : "--shot");
    c.beginPath();
    c.roundRect(left + d / 2, top + 2 * d, Math.max(2 * d, right - left - d), bottom - top - 4 * d, 3 * d);
    c.fill();
    c.save();
    c.clip();
    if (shot.skip) {
      c.strokeStyle = color("--dim");
      c.lineWidth = d;
      c.globalAlpha = 0.5;
      for (let x = left - H; x < right; x += 9 * d) {
        c.beginPath();
        c.moveTo(x, bottom);
        c.lineTo(x + H, bottom - H);
        c.stroke();
      }
      c.globalAlpha = 1;
    }
    c.fillStyle = color("--text");
    c.fillText(shot.skip ? t("{n} left", { n: index + 1 }) : `${index + 1}`, left + 6 * d, top + 14 * d);
    c.restore();
    for (const key of shot.keys ?? []) {
      const [x, y, r] = [at(key.frame + 0.5), bottom - 9 * d, 4.5 * d];
      c.fillStyle = color("--warn");
      c.beginPath();
      c.moveTo(x, y - r);
      c.lineTo(x + r, y);
      c.lineTo(x, y + r);
      c.lineTo(x - r, y);
      c.fill();
    }
  });
  if (track.in !== null || track.out !== null) {
    const [left, right] = [at(track.in ?? 0), at((track.out ?? track.count - 1) + 1)];
    c.strokeStyle = color("--good");
    c.lineWidth = 2 * d;
    c.beginPath();
    c.moveTo(left + 5 * d, top);
    c.lineTo(left + d, top);
    c.lineTo(left + d, bottom);
    c.lineTo(left + 5 * d, bottom);
    c.moveTo(right - 5 * d, top);
    c.lineTo(right - d, top);
    c.lineTo(right - d, bottom);
    c.lineTo(right - 5 * d, bottom);
    c.stroke();
    c.globalAlpha = 0.12;
    c.fillStyle = color("--good");
    c.fillRect(left, top, right - left, bottom - top);
    c.globalAlpha = 1;
  }
  c.fillStyle = color("--line");
  c.fillRect(0, H - 5 * d, W, 3 * d);
  c.fillStyle = color("--dim");
  c.fillRect(0, H - 5 * d, at(track.measured), 3 * d);
  c.fillStyle = color("--good");
  for (const [first, last] of track.found) c.fillRect(at(first), H - 5 * d, at(last + 1) - at(first), 3 * d);
  c.fillStyle = color("--accent");
  const x = at(track.n + 0.5);
  c.fillRect(x - d, TOP * d - 6 * d, 2 * d, H);
  c.beginPath();
  c.moveTo(x - 5 * d, TOP * d - 8 * d);
  c.lineTo(x + 5 * d, TOP * d - 8 * d);
  c.lineTo(x, TOP * d - d);
  c.fill();
}
