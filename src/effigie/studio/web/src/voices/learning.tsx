// A new voice: recordings brought in and reviewed, whose voice it is, a fresh sentence that they read, and the fit.
import { useState } from "preact/hooks";
import { post, startAndWatch, startJob } from "../api";
import { Choice, FileButton, Next, Panel, Slider, Text } from "../controls";
import { freeName, stem } from "../format";
import { number, t, told } from "../language";
import { reload } from "../live";
import { jobs, library, notify, people, validRecords, voices } from "../state";
import { RunningUploads } from "../running-uploads";
import { upload } from "../uploads";
import { Findings, describe } from "./findings";
import { Reading, type Sentence } from "./reading";
import { extension, Recorder } from "./recorder";
import { listRecordings } from "./recordings";
import { Sound } from "./sound";

// Harvard sentences (IEEE 1969): all sounds of English in two minutes.
const PASSAGE = [
  "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It's easy to tell the depth of a well. These days a chicken leg is a rare dish.",
  "Rice is often served in round bowls. The juice of lemons makes fine punch. The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage.",
  "Four hours of steady work faced us. A large size in stockings is hard to sell. The boy was there when the sun rose. A rod is used to catch pink salmon.",
  "The source of the huge river is the clear spring. Kick the ball straight and follow through. Help the woman get back to her feet. A pot of tea helps to pass the evening.",
  "Smoky fires lack flame and heat. The soft cushion broke the man's fall. The salt breeze came across from the sea. The girl at the booth sold fifty bonds. We measure joy and vision with pleasure.",
];

export function Learning() {
  const rows = listRecordings();
  const [marked, mark] = useState<string[]>([]);
  const [heard, hear] = useState("");
  const [recording, setRecording] = useState(false);
  const [sentence, setSentence] = useState<Sentence | null>(null);
  const [record, setRecord] = useState("");
  const chosen = marked.filter(id => rows.some(one => one.id === id));
  const records = validRecords.value.filter(one => one.uses.includes("voice") && one.voice);
  const whose = records.find(one => one.id === record) ?? records[0];
  const { reviews } = voices.value!;
  const whole = reviews.find(one => one.files.length === chosen.length && chosen.every(id => one.files.includes(id)));
  const toggle = (id: string) => mark(marked.includes(id) ? marked.filter(one => one !== id) : [...marked, id]);
  const bring = async (files: Iterable<File>) => {
    for (const file of files) {
      const id = await upload(file, "recordings");
      if (id) mark(list => [...list, id]);
    }
    await reload();
  };
  const found = (id: string) => {
    const review = reviews.find(one => one.files.includes(id));
    return review?.found.recordings[review.files.indexOf(id)];
  };

  if (recording) {
    return (
      <Recorder
        title={t("Record a voice")}
        hint={t("A minute or more, aloud and evenly, alone in a quiet room, a hand's width from the microphone. Read the text above or speak freely, in English.")}
        text={PASSAGE.map(part => <p key={part}>{part}</p>)}
        keepLabel={t("Keep it")}
        keep={async sound => {
          await bring([new File([sound], `${freeName("recording", rows.map(one => ({ name: stem(one.name) })))}.${extension(sound)}`)]);
          setRecording(false);
        }}
        close={() => setRecording(false)}
      />
    );
  }
  if (sentence) return <Reading key={sentence.nonce} sentence={sentence} draw={() => draw(sentence)} close={() => setSentence(null)} />;
  async function draw(of: { subject: string } | null) {
    const id = of && whose?.id;
    if (!id) return;
    try {
      setSentence(await post<Sentence>("/api/voices/sentence", { record: id }));
    } catch (error) {
      notify((error as Error).message, true);
    }
  }
  return (
    <>
      <div class="body">
        <div class="bar">
          <FileButton label={t("Bring recordings")} accept="audio/*,video/*" many look="main" take={bring} />
          <button onClick={() => setRecording(true)}>{t("Record here")}</button>
          <span class="space" />
          <button disabled={!chosen.length} title={t("level, noise, pitch, words, and sounds never said")} onClick={() => startJob("voice-review", { recordings: chosen })}>
            {t("Review what is marked")}
          </button>
        </div>
        <RunningUploads />
        {rows.length === 0 ? (
          <Next
            title={t("No recordings yet")}
            text={t("A minute or more of one person who speaks English alone: sound or video. Drop files here, bring them, or record at this machine's microphone. The person must consent, and read a fresh sentence aloud.")}
          >
            <button class="main" onClick={() => setRecording(true)}>
              {t("Record here")}
            </button>
          </Next>
        ) : (
          <table class="list">
            <thead>
              <tr>
                <th>{t("Recording")}</th>
                <th>{t("What the review found")}</th>
                <th>
                  <span class="sr">{t("Listen")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map(one => (
                <tr key={one.id} class={chosen.includes(one.id) ? "on" : ""}>
                  <td>
                    <label class="check">
                      <input type="checkbox" checked={chosen.includes(one.id)} onChange={() => toggle(one.id)} />
                      {one.name}
                    </label>
                  </td>
                  <td>
                    {found(one.id) ? <span>{describe(found(one.id)!.quality)}</span> : <span class="dim">{t("not reviewed")}</span>}
                    {found(one.id)?.advice.map(line => (
                      <div key={line} class="warn">
                        {line}
                      </div>
                    ))}
                  </td>
                  <td class="tools">
                    <button aria-pressed={heard === one.id} aria-label={t("Listen to {name}", { name: one.name })} onClick={() => hear(heard === one.id ? "" : one.id)}>
                      {t("Listen")}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <Working />
        {rows.some(one => one.id === heard) && <Sound key={heard} id={heard} name={rows.find(one => one.id === heard)!.name} title={t("Recording")} />}
      </div>
      <aside class="side">
        {whole && (
          <Panel title={t("What the review found")}>
            <Findings review={whole} />
          </Panel>
        )}
        <Panel title={t("1 · Whose voice")}>
          {records.length > 0 && <Choice label={t("Consent of")} value={whose?.id ?? ""} set={setRecord} of={records.map(one => [one.id, `${one.subject} · ${told(one.strength)}`])} />}
          {whose ? <a href={`#people/${whose.id}`}>{t("See the record")}</a> : <Consenting recordings={chosen} />}
        </Panel>
        <Panel title={t("2 · A fresh sentence")}>
          <p class="dim">{t("The person reads a sentence that is drawn now. Its words and the voice are checked, so that no old recording will do.")}</p>
          <AnswerShown record={whose?.id} />
          <button disabled={!whose} onClick={() => draw(whose ?? null)}>
            {t("Draw a sentence")}
          </button>
        </Panel>
        <Fit recordings={chosen} record={whose?.id ?? ""} name={whose?.subject ?? ""} />
      </aside>
    </>
  );
}

function Working() {
  const busy = jobs.value.filter(job => (job.state === "running" || job.state === "queued") && /^effigie (voice (review|learn)|consent)/.test(job.command));
  return (
    <>
      {busy.map(job => (
        <div key={job.id} class="row pad working">
          <a href={`#jobs/${job.id}`}>{job.title}</a>
          <progress value={job.progress?.total ? (job.progress.done ?? 0) / job.progress.total : undefined} max={1} aria-label={t("Progress of {title}", { title: job.title })} />
          <span class="dim">{[told(job.progress?.stage ?? ""), job.progress?.note].filter(Boolean).join(" · ")}</span>
        </div>
      ))}
    </>
  );
}

// A record of the person whose recordings are marked: attested, or asked for.
function Consenting({ recordings }: { recordings: string[] }) {
  const [subject, setSubject] = useState("");
  const [basis, setBasis] = useState("");
  const asked = people.value.requests.filter(one => one.uses.includes("voice"));
  const make = (kind: string) => startJob(kind, { subject, basis, recordings, uses: ["voice"] });
  const why = !recordings.length ? t("mark recordings of the person first") : !subject.trim() ? t("write their name") : "";
  return (
    <>
      <p class="dim">{t("Nobody's consent to the use of their voice is valid here. The marked recordings become its reference.")}</p>
      <Text label={t("Name")} value={subject} set={setSubject} />
      <Text label={t("It rests on")} value={basis} set={setBasis} hint={t("such as: signed release of 3 May")} />
      <div class="row">
        <button class="main" disabled={!!why} onClick={() => make("consent-new")}>
          {t("I have their consent")}
        </button>
        <button disabled={!!why} title={t("they grant it under People, at the camera and microphone")} onClick={() => make("consent-request")}>
          {t("Ask them")}
        </button>
      </div>
      {why && <small class="dim">{why}</small>}
      {asked.map(one => (
        <a key={one.id} href={one.own ? `#people/grant.${one.id}` : "#people"}>
          {t("{subject} was asked: grant it now", { subject: one.subject })}
        </a>
      ))}
    </>
  );
}

const answerOf = (record?: string) => voices.value!.answers.find(one => one.record === record && one.agrees);

function AnswerShown({ record }: { record?: string }) {
  const answer = answerOf(record);
  if (!answer) return null;
  return (
    <p class="good">
      ✓ {t("read: {share} % of the words", { share: number(100 * answer.words_right) })}
      <q class="dim">{answer.sentence}</q>
    </p>
  );
}

function Fit({ recordings, record, name }: { recordings: string[]; record: string; name: string }) {
  const [wish, setWish] = useState("");
  const [steps, setSteps] = useState(60);
  const [adapters, setAdapters] = useState(false);
  const answer = answerOf(record);
  const wanted = freeName(name.split(" ")[0]!.toLowerCase() || "voice", library.value!.voices);
  const why = !recordings.length ? t("mark recordings") : !record ? t("needs a consent") : !answer ? t("needs the sentence that was read") : "";
  const learn = async () => {
    await startAndWatch("voice-learn", { recordings, consent: record, answer: answer!.id, name: wish || wanted, steps, adapters });
  };
  return (
    <Panel title={t("3 · Learn")}>
      <Text label={t("Name of the voice")} value={wish} set={setWish} hint={wish ? "" : wanted} />
      <Slider label={t("Steps")} value={steps} set={setSteps} low={10} high={300} step={10} unit="" first={60} />
      <label class="check">
        <input type="checkbox" checked={adapters} onChange={() => setAdapters(!adapters)} />
        {t("adapters: more like the person, less natural")}
      </label>
      <button class="main" disabled={!!why} onClick={learn}>
        {t("Learn")}
      </button>
      {why && <small class="dim">{why}</small>}
    </Panel>
  );
}
