// Recording at the microphone: a meter before it begins, what is to be read in large letters, and a listen before it is kept.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Camera, meter, openMicrophone, record } from "../camera";
import { useAddress } from "../controls";
import { duration } from "../format";
import { number, t } from "../language";

const CLIPPED_DB = -0.3;

export function Recorder(props: { title: string; hint: string; text: ComponentChildren; keep: (sound: Blob) => Promise<unknown>; close: () => void; keepLabel: string; other?: ComponentChildren }) {
  const [microphone, setMicrophone] = useState<Camera | null>(null);
  const [level, setLevel] = useState(-100);
  const [clipped, setClipped] = useState(false);
  const [stop, setStop] = useState<{ end: () => Promise<Blob> } | null>(null);
  const [seconds, setSeconds] = useState(0);
  const [sound, setSound] = useState<Blob | null>(null);
  const [busy, setBusy] = useState(false);
  const [why, setWhy] = useState("");
  const open = useRef<Camera | null>(null);
  const lives = useRef(true);
  useEffect(() => () => ((lives.current = false), open.current?.end()), []);
  useEffect(
    () =>
      microphone
        ? meter(microphone, db => {
            setLevel(db);
            if (db > CLIPPED_DB) setClipped(true);
          })
        : undefined,
    [microphone],
  );
  useEffect(() => {
    if (!stop) return;
    const begun = performance.now();
    const timer = setInterval(() => setSeconds((performance.now() - begun) / 1000), 200);
    return () => clearInterval(timer);
  }, [stop]);
  const listen = async () => {
    setWhy("");
    try {
      const opened = await openMicrophone();
      if (!lives.current) return opened.end();
      open.current = opened;
      setMicrophone(opened);
    } catch (error) {
      setWhy((error as Error).message);
    }
  };
  const start = () => {
    setSound(null);
    setSeconds(0);
    setClipped(false);
    setStop({ end: record(microphone!) });
  };
  const end = async () => {
    setSound(await stop!.end());
    setStop(null);
  };
  const keep = async () => {
    setBusy(true);
    await props.keep(sound!);
    if (lives.current) setBusy(false);
  };
  return (
    <div class="recorder" aria-label={props.title} role="group">
      <div class="bar">
        <b>{props.title}</b>
        <span class="space" />
        <button onClick={props.close}>{t("Back")}</button>
      </div>
      <div class="prompt">
        {props.text}
        <p class="dim">{props.hint}</p>
      </div>
      {sound && <Listen sound={sound} />}
      <div class="bar">
        {!microphone && (
          <button class="main" onClick={listen}>
            {t("Start the microphone")}
          </button>
        )}
        {microphone && !stop && (
          <button class={sound ? "" : "main"} onClick={start}>
            {sound ? t("Record it again") : t("Record")}
          </button>
        )}
        {stop && (
          <button class="main" onClick={end}>
            {t("Stop")}
          </button>
        )}
        {sound && (
          <button class="main" disabled={busy} onClick={keep}>
            {props.keepLabel}
          </button>
        )}
        {microphone && (
          <>
            <meter min={-60} max={0} low={-40} high={-6} optimum={-20} value={Math.max(-60, level)} aria-label={t("Level of the microphone")} />
            <span class={clipped ? "bad mono" : "dim mono"}>{clipped ? t("too loud") : `${level < -60 ? "−∞" : number(level)} dB`}</span>
          </>
        )}
        {stop && (
          <span class="bad mono" role="timer">
            ● {duration(seconds)}
          </span>
        )}
        <span class="space" />
        {!stop && props.other}
      </div>
      {why && (
        <p class="pad bad" role="alert">
          {why}
        </p>
      )}
    </div>
  );
}

function Listen({ sound }: { sound: Blob }) {
  const address = useAddress(sound);
  return address ? <audio class="pad" src={address} controls aria-label={t("Your recording")} /> : null;
}

export const extension = (sound: Blob): string => (sound.type.includes("mp4") ? "m4a" : "webm");
