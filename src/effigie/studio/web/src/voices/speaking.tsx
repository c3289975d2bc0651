// A voice at work: a box to speak from, what was made beside a recording, a performance converted, a clip dubbed.
import { useState } from "preact/hooks";
import { startAndWatch, startJob } from "../api";
import { Choice, Facts, Panel, Slider } from "../controls";
import { clock, freeName } from "../format";
import { useKeys } from "../keys";
import { number, t, told } from "../language";
import { STATES } from "../pages/voices";
import { jobs, library, takenNames, validRecords, voices } from "../state";
import type { Voice } from "../types";
import { Findings } from "./findings";
import { listRecordings, listSpeech } from "./recordings";
import { Sound } from "./sound";

const LEAST_SPAN_S = 8; // that are shown of a longer recording

export function Speaking({ voice, learned, kind }: { voice: string; learned: Voice | null; kind: string }) {
  const { results } = library.value!;
  const [text, setText] = useState("");
  const [speed, setSpeed] = useState(1);
  const [height, setHeight] = useState(0);
  const usual = voices.value!.likeness.speak;
  const [likeness, setLikeness] = useState(usual);
  const [heard, hear] = useState("");
  const [beside, putBeside] = useState<string | null>(null);
  const [spans, setSpans] = useState<Record<string, number>>({});
  const name = learned?.name ?? voice;
  const mine = jobs.value.filter(job => job.voice === voice);
  const busy = mine.filter(job => job.state === "running" || job.state === "queued");
  const failed = mine.find(job => job.state === "failed" || job.state === "done");
  const sounds = results.filter(one => one.sound);
  const made = sounds.find(one => one.id === heard) ?? sounds.find(one => mine.some(job => job.output === one.id));
  const others = listRecordings();
  const source = made?.input ? listSpeech().find(one => one.id === made.input) : undefined;
  const own = source ?? others.find(one => learned?.recordings?.includes(one.name));
  const other = beside === null ? own : listSpeech().find(one => one.id === beside);
  const [length, longest] = [(made && spans[made.id]) ?? 0, Math.max(0, ...[made?.id, other?.id].map(id => (id && spans[id]) || 0))];
  const span = length ? Math.min(longest, Math.max(LEAST_SPAN_S, 2 * length)) : 0; // a line is not lost beside an hour
  const speak = async () => {
    const wanted = freeName(`${name}-${text.trim().split(/\s+/).slice(0, 4).join("-").replace(/[^\w-]/g, "").toLowerCase()}`, takenNames.value, ".wav");
    const fields = { voice, text, name: wanted, ...(speed !== 1 && { speed }), ...(height && { semitones: height }), ...(learned && likeness !== usual && { likeness }) };
    if (await startJob("voice-speak", fields)) hear("");
  };
  const tell = (id: string) => (seconds: number) => setSpans(known => ({ ...known, [id]: seconds }));
  useKeys({ ArrowDown: () => choose(1), ArrowUp: () => choose(-1) });
  const choose = (by: number) => {
    const next = sounds[(made ? sounds.indexOf(made) : -1) + by];
    if (next) hear(next.id);
  };
  return (
    <>
      <div class="body">
        <form
          class="say"
          onSubmit={event => {
            event.preventDefault();
            void speak();
          }}
        >
          <label class="field">
            <span>{t("{voice} says, in English", { voice: name })}</span>
            <textarea
              rows={2}
              maxLength={2000}
              value={text}
              placeholder={t("The birch canoe slid on the smooth planks.")}
              onInput={event => setText(event.currentTarget.value)}
              onKeyDown={event => {
                if (event.key !== "Enter" || !event.ctrlKey || !text.trim()) return;
                event.preventDefault();
                void speak();
              }}
            />
          </label>
          <div class="row">
            <Slider label={t("Speed")} value={speed} set={setSpeed} low={0.5} high={2} step={0.05} unit="×" first={1} />
            <Slider label={t("Height")} value={height} set={setHeight} low={-12} high={12} step={0.5} unit={t("st")} first={0} />
            {learned && <Likeness value={likeness} set={setLikeness} first={usual} />}
            <span class="space" />
            <button class="main" disabled={!text.trim() || (learned !== null && !learned.learned)} title="Ctrl+Enter">
              {t("Speak")}
            </button>
          </div>
        </form>
        {busy.map(job => (
          <div key={job.id} class="row pad working">
            <a href={`#jobs/${job.id}`}>{job.title}</a>
            <progress value={job.progress?.total ? (job.progress.done ?? 0) / job.progress.total : undefined} max={1} aria-label={t("Progress of {title}", { title: job.title })} />
            <span class="dim">{job.state === "queued" ? t("waits for its turn") : [told(job.progress?.stage ?? ""), job.progress?.note].filter(Boolean).join(" · ")}</span>
          </div>
        ))}
        {failed?.state === "failed" && (
          <p class="pad bad" role="alert">
            {failed.title}: {failed.message}
          </p>
        )}
        {sounds.length > 0 && (
          <div class="bar">
            <Choice label={t("Heard")} value={made?.id ?? ""} set={hear} of={[...(made ? [] : [["", t("choose")] as [string, string]]), ...sounds.map(one => [one.id, `${one.name} · ${clock(one.time)}`] as [string, string])]} />
            <Choice label={t("Beside")} value={other?.id ?? ""} set={putBeside} of={[["", t("nothing")], ...listSpeech().filter(one => one.id !== made?.id).map(one => [one.id, one.name] as [string, string])]} />
          </div>
        )}
        {made && (
          <Sound
            key={made.id}
            id={made.id}
            name={made.name}
            title={t("Made")}
            span={span}
            tell={tell(made.id)}
            tools={
              <a class="button" href={`#results/${made.id}`}>
                {t("Verify")}
              </a>
            }
          />
        )}
        {other && <Sound key={other.id} id={other.id} name={other.name} title={made?.input === other.id ? t("Performance") : t("Recording")} span={span} tell={tell(other.id)} />}
        {!made && !busy.length && (
          <div class="next">
            <h1>{t("Nothing said yet")}</h1>
            <p>{t("Write above what {voice} says. It is made as a job, marked and signed, and appears here with its spectrogram and pitch, beside a recording if you like.", { voice: name })}</p>
          </div>
        )}
      </div>
      <aside class="side">
        {learned ? <LearnedFacts voice={learned} /> : <StockFacts name={voice} kind={kind} />}
        <Converting voice={voice} name={name} learned={learned !== null} />
        <Dubbing voice={voice} name={name} text={text} />
      </aside>
    </>
  );
}

function StockFacts({ name, kind }: { name: string; kind: string }) {
  return (
    <Panel title={name}>
      <Facts rows={[[t("Sounds like"), told(kind)], [t("Consent"), t("needs none: it is nobody's")], [t("Network"), "Kokoro-82M, Apache-2.0"]]} />
    </Panel>
  );
}

function LearnedFacts({ voice }: { voice: Voice }) {
  const review = voices.value!.reviews.find(one => one.files.length === 1 && one.files[0] === voice.id);
  return (
    <>
      <Panel title={voice.name} tools={voice.learned && <button onClick={() => startJob("voice-review", { recordings: [voice.id] })}>{t("Review")}</button>}>
        {voice.learned ? (
          <Facts
            rows={[
              [
                t("Consent"),
                <>
                  {voice.consents.map(one => (
                    <a key={one.id} href={`#people/${one.id}`} class={STATES[one.state]}>
                      {one.subject || one.id}: {told(one.state)}{" "}
                    </a>
                  ))}
                </>,
              ],
              [t("Recordings"), voice.recordings!.join(", ")],
              [t("Pitch"), t("{hertz} Hz, median", { hertz: voice.f0_hz })],
              [t("Began with"), voice.base],
              [t("Steps"), voice.steps!],
              [t("Held-out error"), number(voice.error!, 3)],
              [t("Never said"), voice.missing ?? ""],
              [t("Learned"), clock(Date.parse(voice.learned) / 1000)],
            ]}
          />
        ) : (
          <p class="warn">{t("It is being learned, or was stopped before it was finished.")}</p>
        )}
      </Panel>
      {review && (
        <Panel title={t("What the review found")}>
          <Findings review={review} />
        </Panel>
      )}
    </>
  );
}

// Stock voices have no recordings to be brought to.
function Likeness(props: { value: number; set: (value: number) => void; first: number }) {
  return <Slider label={t("Likeness")} low={0} high={1} step={0.05} unit="" {...props} />;
}

function Converting({ voice, name, learned }: { voice: string; name: string; learned: boolean }) {
  const of = listSpeech();
  const [chosen, choose] = useState("");
  const [height, setHeight] = useState(0);
  const [melody, setMelody] = useState(0.5);
  const usual = voices.value!.likeness.convert;
  const [likeness, setLikeness] = useState(usual);
  const performance = of.find(one => one.id === chosen);
  const convert = () =>
    startJob("voice-convert", {
      ...{ voice, performance: chosen, name: freeName(`${name}-${performance!.name.replace(/.*\/|\.\w+$/g, "")}`, takenNames.value, ".wav") },
      ...{ ...(height && { semitones: height }), ...(melody !== 0.5 && { melody }), ...(learned && likeness !== usual && { likeness }) },
    });
  return (
    <Panel title={t("Convert a performance")}>
      <Choice label={t("Performance")} value={chosen} set={choose} of={[["", t("choose")], ...of.map(one => [one.id, one.name] as [string, string])]} hint={t("its words, timing and melody; nothing of its sound")} />
      <Slider label={t("Height")} value={height} set={setHeight} low={-12} high={12} step={0.5} unit={t("st")} first={0} />
      <Slider label={t("Melody kept")} value={melody} set={setMelody} low={0} high={1} step={0.1} unit="" first={0.5} />
      {learned && <Likeness value={likeness} set={setLikeness} first={usual} />}
      <button disabled={!performance} onClick={convert}>
        {t("Convert")}
      </button>
    </Panel>
  );
}

function Dubbing({ voice, name, text }: { voice: string; name: string; text: string }) {
  const { clips } = library.value!;
  const videos = clips.filter(clip => clip.video);
  const [clip, setClip] = useState("");
  const [speech, setSpeech] = useState("");
  const allowed = validRecords.value.some(record => record.uses.includes("animate"));
  const chosen = videos.find(one => one.id === clip) ?? videos[0];
  if (!chosen) {
    return (
      <Panel title={t("Dub a clip")}>
        <p class="dim">{t("Bring a clip first: its person then says the words, or a sound.")}</p>
        <a href="#clips">{t("To the clips")}</a>
      </Panel>
    );
  }
  const dub = async () => {
    const made = { clip: chosen.id, name: freeName(`${chosen.name.replace(/\.\w+$/, "")}-dubbed`, takenNames.value, ".mp4") };
    await startAndWatch("dub", speech ? { ...made, speech } : { ...made, voice, text });
  };
  const why = !allowed ? t("nobody's consent to being animated is valid here") : !speech && !text.trim() ? t("write what is said, or choose a sound") : "";
  return (
    <Panel title={t("Dub a clip")}>
      <Choice label={t("Clip")} value={chosen.id} set={setClip} of={videos.map(one => [one.id, one.name])} />
      <Choice label={t("Says")} value={speech} set={setSpeech} of={[["", t("the text, by {voice}", { voice: name })], ...listSpeech().map(one => [one.id, one.name] as [string, string])]} />
      <button disabled={!!why} onClick={dub}>
        {t("Dub")}
      </button>
      {why && <small class={allowed ? "dim" : "bad"}>{why}</small>}
      {!allowed && <a href="#people">{t("Get their consent")}</a>}
    </Panel>
  );
}
