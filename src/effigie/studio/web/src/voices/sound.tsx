// A sound to hear and to look at: its spectrogram, its pitch on lines of octaves, and where it is played.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api";
import { language, number, t } from "../language";
import { begin, color } from "../paint";
import { theme } from "../theme";
import { useSize } from "../transport";
import type { SoundLook } from "../types";

const [LOWEST_HZ, HIGHEST_HZ] = [55, 600];
const round = (seconds: number) => Math.round(10 * seconds) / 10;
const SEEK_S = 0.5; // that an arrow key goes

// `span`: seconds that the width stands for, so that two sounds can be compared, the longer one as far as it goes; `tell` is given
// the sound's own.
export function Sound(props: { id: string; name: string; title: string; span?: number; tell?: (seconds: number) => void; tools?: ComponentChildren }) {
  const [look, setLook] = useState<SoundLook | null>(null);
  const [why, setWhy] = useState("");
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(false);
  const pitch = useRef<HTMLCanvasElement>(null);
  const player = useRef<HTMLMediaElement>(null);
  const size = useSize(pitch);
  const span = Math.max(props.span || (look?.seconds ?? 0), 0.1);
  useEffect(() => {
    setLook(null);
    setWhy("");
    setAt(0);
    let current = true;
    get<SoundLook>(`/api/sounds/${props.id}`).then(
      found => current && (setLook(found), props.tell?.(found.seconds)),
      reason => current && setWhy(reason.message),
    );
    return () => void (current = false);
  }, [props.id]);
  useEffect(() => {
    if (pitch.current) drawPitch(pitch.current, look, span);
  }, [look, span, size, theme.value, language.value]);
  useEffect(() => {
    let next = 0;
    const follow = () => {
      const { currentTime = 0, paused = true } = player.current ?? {};
      setAt(currentTime);
      setPlaying(!paused);
      if (!paused) next = requestAnimationFrame(follow);
    };
    const element = player.current;
    const kinds = ["play", "seeked", "pause", "ended"];
    kinds.forEach(kind => element?.addEventListener(kind, follow));
    return () => {
      cancelAnimationFrame(next);
      kinds.forEach(kind => element?.removeEventListener(kind, follow));
    };
  }, [props.id]);
  const seek = (time: number) => {
    if (player.current && look) player.current.currentTime = Math.max(0, Math.min(look.seconds, time));
  };
  const press = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * span);
  };
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -SEEK_S, ArrowRight: SEEK_S, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    seek(at + by);
  };
  const play = () => void (playing ? player.current?.pause() : player.current?.play().catch(error => setWhy(error.message)));
  const [median, low, high] = look?.f0_hz ?? [];
  const heard = median ? t("pitch {median} Hz ({low}–{high})", { median: number(median), low: number(low!), high: number(high!) }) : t("no pitch");
  return (
    <figure class="sound" aria-label={`${props.title}: ${props.name}`}>
      <figcaption>
        <button aria-label={playing ? t("Stop {name}", { name: props.name }) : t("Play {name}", { name: props.name })} onClick={play}>
          {playing ? "❚❚" : "▶"}
        </button>
        <b>{props.title}</b>
        <span class="brief">{props.name}</span>
        <span class="space" />
        {look && (
          <span class="dim mono">
            {number(look.seconds, 1)} s · {number(look.level_db)} dB{look.noise_db === null ? "" : ` · ${t("SNR {db} dB", { db: number(look.noise_db) })}`} · {heard}
          </span>
        )}
        {props.tools}
      </figcaption>
      <div class="picture" onPointerDown={press}>
        {look && <img src={`/api/sounds/${props.id}/spectrogram`} alt={t("Spectrogram of {name}, up to 8 kHz", { name: props.name })} style={{ width: `${(100 * look.seconds) / span}%` }} draggable={false} />}
        <canvas
          ref={pitch}
          role="slider"
          tabIndex={0}
          aria-label={t("Place in {name}, {pitch}", { name: props.name, pitch: heard })}
          aria-valuemin={0}
          aria-valuemax={round(look?.seconds ?? 0)}
          aria-valuenow={round(at)}
          aria-valuetext={`${number(at, 1)} s`}
          onKeyDown={step}
        />
        {look && at > 0 && at < span && <i class="head" style={{ left: `${(100 * at) / span}%` }} />}
        {(why || !look) && <p class={why ? "bad" : "dim"}>{why || t("reading the sound")}</p>}
      </div>
      <audio ref={player} src={`/api/files/${props.id}`} preload="metadata" />
    </figure>
  );
}

function drawPitch(canvas: HTMLCanvasElement, look: SoundLook | null, span: number): void {
  const { c, W, H, d } = begin(canvas);
  const y = (hertz: number) => (1 - Math.log2(hertz / LOWEST_HZ) / Math.log2(HIGHEST_HZ / LOWEST_HZ)) * (H - 2 * d) + d;
  c.fillStyle = color("--track");
  c.fillRect(0, 0, W, H);
  for (const hertz of [100, 200, 400]) {
    c.fillStyle = color("--line");
    c.fillRect(0, y(hertz), W, d);
    c.fillStyle = color("--dim");
    c.fillText(`${hertz} Hz`, W - 40 * d, y(hertz) - 3 * d);
  }
  const stride = [0.5, 1, 2, 5, 10, 30].find(s => (s / span) * W > 60 * d) ?? 60;
  for (let second = stride; second < span; second += stride) {
    c.fillStyle = color("--line");
    c.fillRect((second / span) * W, H - 8 * d, d, 8 * d);
    c.fillStyle = color("--dim");
    c.fillText(`${number(second, second % 1 ? 1 : 0)} s`, (second / span) * W + 3 * d, H - 3 * d);
  }
  if (!look) return;
  c.fillStyle = color("--warn");
  look.f0.forEach((hertz, index) => {
    if (hertz > 0) c.fillRect((index / look.f0_rate / span) * W - d, y(Math.max(LOWEST_HZ, Math.min(HIGHEST_HZ, hertz))) - d, 2.4 * d, 2.4 * d);
  });
}
