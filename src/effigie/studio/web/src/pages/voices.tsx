// Voices: those that were learned and the stock voices; what they say, and how a new one is learned.
import { useEffect } from "preact/hooks";
import { get } from "../api";
import { t, told } from "../language";
import { focus, go, jobs, library, notify, voices } from "../state";
import type { Voice, Voices } from "../types";
import { Learning } from "../voices/learning";
import { Speaking } from "../voices/speaking";

export const STATES: Record<string, string> = { valid: "good", revoked: "bad", missing: "bad", expired: "warn", "not yet valid": "warn" };
// The worst of a voice's records: it speaks while all of them are valid.
export const consentOf = (voice: Voice) => voice.consents.find(one => one.state !== "valid") ?? voice.consents[0];

export function VoicesPage() {
  const ended = jobs.value.filter(job => job.state === "done").length;
  useEffect(() => {
    get<Voices>("/api/voices").then(found => (voices.value = found), error => notify(error.message, true));
  }, [library.value, ended]);
  const found = voices.value;
  if (!found) return <p class="dim pad">{t("Reading the voices")}</p>;
  const learned = found.voices.find(one => one.id === focus.value) ?? null;
  const stock = found.stock.find(one => one.name === focus.value) ?? (focus.value === "new" || learned ? null : found.voices.length ? null : found.stock[0]!);
  const shown = focus.value === "new" ? null : (learned ?? (stock ? null : (found.voices[0] ?? null)));
  const at = shown?.id ?? stock?.name ?? "new";
  return (
    <div class="split three voices">
      <nav class="strip" aria-label={t("Voices")}>
        <div class="bar">
          <button class={at === "new" ? "" : "main"} aria-pressed={at === "new"} onClick={() => go("voices", "new")}>
            {t("Learn a voice")}
          </button>
        </div>
        <h2>{t("Learned here")}</h2>
        <ul class="names">
          {found.voices.map(voice => (
            <li key={voice.id}>
              <button aria-pressed={at === voice.id} onClick={() => go("voices", voice.id)}>
                <span>{voice.name}</span>
                <small>{voice.learned ? `${voice.f0_hz} Hz` : t("not finished")}</small>
                {voice.learned && <small class={STATES[consentOf(voice)?.state ?? "missing"]}>{told(consentOf(voice)?.state ?? "missing")}</small>}
              </button>
            </li>
          ))}
          {!found.voices.length && <li class="dim pad">{t("none yet")}</li>}
        </ul>
        <h2>{t("Stock voices")}</h2>
        <ul class="names">
          {found.stock.map(one => (
            <li key={one.name}>
              <button aria-pressed={at === one.name} onClick={() => go("voices", one.name)}>
                <span>{one.name}</span>
                <small>{told(one.kind)}</small>
              </button>
            </li>
          ))}
        </ul>
      </nav>
      {at === "new" ? <Learning /> : <Speaking key={at} voice={at} learned={shown} kind={stock?.kind ?? ""} />}
    </div>
  );
}
