// What a review found: of each recording, and of all of them together.
import { number, t } from "../language";
import type { Quality, Review } from "../types";

export function describe(quality: Quality): string {
  const noise = quality.noise_db === null ? "" : ` · ${t("SNR {db} dB", { db: number(quality.noise_db) })}`;
  const [median, low, high] = quality.f0_hz;
  const pitch = median ? ` · ${t("pitch {median} Hz ({low}–{high})", { median: number(median), low: number(low!), high: number(high!) })}` : "";
  return `${t("{seconds} s of speech", { seconds: number(quality.speech_s) })} · ${number(quality.level_db)} dB${noise}${pitch}`;
}

export function Findings({ review }: { review: Review }) {
  const { recordings, rare, advice } = review.found;
  return (
    <ul class="findings">
      {recordings.map(one => (
        <li key={one.name}>
          <b>{one.name}</b>
          <span class="dim">
            {describe(one.quality)} · {t("words: {n}", { n: number(one.words.length) })}
          </span>
          {one.words.length > 0 && <q class="dim">{one.words.slice(0, 16).join(" ")}{one.words.length > 16 ? " …" : ""}</q>}
          {one.advice.map(line => (
            <span key={line} class="warn">
              {line}
            </span>
          ))}
        </li>
      ))}
      {advice.map(line => (
        <li key={line} class="warn">
          {line}
        </li>
      ))}
      {rare && <li class="dim">{t("seldom said: {sounds}", { sounds: [...rare].join(" ") })}</li>}
      {!advice.length && recordings.every(one => !one.advice.length) && <li class="good">{t("nothing to object to")}</li>}
    </ul>
  );
}
