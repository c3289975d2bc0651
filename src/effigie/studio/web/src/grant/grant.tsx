// Granting at the camera: terms to read, motions to follow before a mirror, a look at the clip, and what the check says.
import { useEffect, useRef, useState } from "preact/hooks";
import { post, put } from "../api";
import { type Camera, openCamera, record } from "../camera";
import { Facts, Panel, useAddress } from "../controls";
import { day } from "../format";
import { list as join, t, told } from "../language";
import { go, jobs, people, toldInPlace } from "../state";
import type { Job } from "../types";
import { COUNTDOWN_S, type Challenge, READ_ALOUD, type Step, type Terms, list } from "./steps";

type Phase = "terms" | "mirror" | "countdown" | "recording" | "review" | "sending" | "checking";

export function Grant({ asked }: { asked: string }) {
  const fields = asked.startsWith("c-") ? { record: asked } : { request: asked };
  const [terms, setTerms] = useState<Terms | null>(null);
  const [why, setWhy] = useState("");
  const [phase, setPhase] = useState<Phase>("terms");
  const [sound, setSound] = useState(true);
  const [camera, setCamera] = useState<Camera | null>(null);
  const [challenge, setChallenge] = useState<Challenge | null>(null);
  const [at, setAt] = useState(0);
  const [left, setLeft] = useState(0);
  const [clip, setClip] = useState<Blob | null>(null);
  const [share, setShare] = useState(0);
  const [job, setJob] = useState("");
  const run = useRef(0); // what a step that was left behind must not go on with
  const open = useRef<Camera | null>(null);

  useEffect(() => {
    post<Terms>("/api/grants/terms", fields).then(setTerms, error => setWhy(error.message));
    return () => {
      run.current++;
      open.current?.end();
    };
  }, [asked]);

  const attempt = async (work: () => Promise<void>, back: Phase) => {
    setWhy("");
    try {
      await work();
    } catch (error) {
      setWhy((error as Error).message);
      setPhase(back);
    }
  };
  const start = () =>
    attempt(async () => {
      open.current?.end();
      open.current = await openCamera(sound);
      setCamera(open.current);
      setPhase("mirror");
    }, "terms");
  const begin = () =>
    attempt(async () => {
      const mine = ++run.current;
      const lives = () => run.current === mine;
      const drawn = await post<Challenge>("/api/grants", { ...fields, sound });
      if (!lives()) return;
      setChallenge(drawn);
      setPhase("countdown");
      await count(COUNTDOWN_S, setLeft, lives);
      if (!lives()) return;
      const stop = record(open.current!);
      setPhase("recording");
      for (const [index, step] of list(drawn).entries()) {
        setAt(index);
        await count(step.seconds, setLeft, lives);
        if (!lives()) return void stop();
      }
      setClip(await stop());
      setPhase("review");
    }, "mirror");
  const cancel = () => {
    run.current++;
    setPhase("mirror");
  };
  const send = () =>
    attempt(async () => {
      setPhase("sending");
      await put(`/api/grants/${challenge!.nonce}/clip`, clip!, setShare);
      open.current?.end();
      const sent = await post<Job>("/api/jobs", { key: `grant-${challenge!.nonce}`, kind: "consent-answer", fields: { nonce: challenge!.nonce } });
      toldInPlace.add(sent.id);
      setJob(sent.id);
      setPhase("checking");
    }, "review");

  if (!terms) return <p class="pad">{why || t("Reading what is asked")}</p>;
  const steps = challenge ? list(challenge) : [];
  const isHidden = (index: number) => phase === "countdown" || (phase === "recording" && index > at); // nobody can begin early
  return (
    <div class="split grant">
      <div class="stage">
        <div class="bar">
          <b>{t("{subject} grants", { subject: terms.subject })}</b>
          <span class="space" />
          <button onClick={() => go("people")}>{t("Back to People")}</button>
        </div>
        {phase === "terms" ? (
          <Ask terms={terms} sound={sound} setSound={setSound} start={start} />
        ) : phase === "checking" ? (
          <Outcome job={job} again={start} />
        ) : phase === "review" || phase === "sending" ? (
          <Replay clip={clip!} />
        ) : (
          <Mirror camera={camera!} phase={phase} step={steps[at]} left={left} />
        )}
        {why && (
          <p class="pad bad" role="alert">
            {why}
          </p>
        )}
        {phase !== "terms" && phase !== "checking" && (
          <div class="bar">
            {phase === "mirror" && (
              <button class="main" onClick={begin}>
                {t("Begin")}
              </button>
            )}
            {(phase === "countdown" || phase === "recording") && <button onClick={cancel}>{t("Stop")}</button>}
            {phase === "review" && (
              <>
                <button class="main" onClick={send}>
                  {t("Send this clip")}
                </button>
                <button onClick={begin}>{t("Do it again")}</button>
              </>
            )}
            {phase === "sending" && <progress value={share} max={1} aria-label={t("Sending the clip")} />}
            <span class="space" />
            <span class="dim">
              {phase === "mirror"
                ? t("Face the camera, in good light, alone. What is asked appears after Begin, one thing at a time.")
                : phase === "review"
                  ? t("Look at it before you send it. It stays on this machine, as the evidence of your consent.")
                  : ""}
            </span>
          </div>
        )}
      </div>
      <aside class="side">
        <Panel title={t("You are asked to allow")}>
          <TermsShown terms={terms} />
        </Panel>
        {steps.length > 0 && phase !== "checking" && phase !== "mirror" && (
          <Panel title={t("Step by step")}>
            <ol class="steps">
              {steps.map((step, index) => (
                <li key={index} class={phase === "recording" && index === at ? "on" : phase !== "countdown" && (phase !== "recording" || index < at) ? "past" : ""}>
                  <span aria-hidden="true">{isHidden(index) ? "·" : step.sign}</span>
                  {isHidden(index) ? "…" : told(step.brief)}
                </li>
              ))}
            </ol>
          </Panel>
        )}
      </aside>
    </div>
  );
}

// Counts down in seconds; ends early when what it belongs to was left.
async function count(seconds: number, set: (left: number) => void, lives: () => boolean): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  while (lives() && performance.now() < end) {
    set(Math.ceil((end - performance.now()) / 1000));
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

function Ask(props: { terms: Terms; sound: boolean; setSound: (sound: boolean) => void; start: () => void }) {
  const { terms, sound, setSound, start } = props;
  return (
    <div class="next">
      <h1>{t("{subject}, this is for you", { subject: terms.subject })}</h1>
      <p>
        {sound
          ? t("Read on the right what you are asked to allow. To grant it you follow a few motions before your camera and read a sentence aloud; the order is drawn afresh. It is yours to grant or not, and nothing leaves this machine.")
          : t("Read on the right what you are asked to allow. To grant it you follow a few motions before your camera; the order is drawn afresh. It is yours to grant or not, and nothing leaves this machine.")}
      </p>
      {!terms.voice && (
        <label class="check">
          <input type="checkbox" checked={sound} onChange={() => setSound(!sound)} />
          {t("With the microphone: a sentence is read aloud as well")}
        </label>
      )}
      <div class="row">
        <button class="main" onClick={start}>
          {t("I have read it: start the camera")}
        </button>
        <button onClick={() => go("people")}>{t("Not now")}</button>
      </div>
    </div>
  );
}

function TermsShown({ terms }: { terms: Terms }) {
  return (
    <Facts
      rows={[
        [t("Whose"), terms.subject],
        [t("For"), join(terms.uses.map(told))],
        [t("From"), day(terms.begins)],
        [t("Until"), day(terms.until)],
        [t("Only for"), terms.purpose],
        [t("Where"), terms.territory ?? t("anywhere")],
        [t("Rests on"), terms.basis || null],
      ]}
    />
  );
}

function Mirror(props: { camera: Camera; phase: Phase; step?: Step; left: number }) {
  const ref = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    ref.current!.srcObject = props.camera.stream;
  }, [props.camera]);
  const { phase, step, left } = props;
  return (
    <div class="mirror">
      <video ref={ref} autoPlay playsInline muted aria-label={t("Mirror: what the camera sees")} />
      <svg class="oval" viewBox="0 0 160 90" aria-hidden="true">
        <ellipse cx="80" cy="44" rx="22" ry="31" />
      </svg>
      <div class="told" role="status" aria-live="assertive">
        {phase === "countdown" && <b class="large">{left}</b>}
        {phase === "recording" && step && (
          <>
            <span class="sign" aria-hidden="true">
              {step.sign}
            </span>
            <b>{step.brief === READ_ALOUD ? t("Read aloud: {text}", { text: step.text }) : told(step.text)}</b>
          </>
        )}
      </div>
      {phase === "recording" && (
        <span class="rec" aria-hidden="true">
          ● {left}
        </span>
      )}
    </div>
  );
}

function Replay({ clip }: { clip: Blob }) {
  const address = useAddress(clip);
  return <div class="mirror">{address && <video src={address} controls autoPlay loop playsInline aria-label={t("Your clip, as it was filmed")} />}</div>;
}

function Outcome({ job, again }: { job: string; again: () => void }) {
  const found = jobs.value.find(one => one.id === job);
  const record = people.value.records.find(one => one.witness && found?.state === "done" && one.state === "valid" && found.output?.includes(one.file));
  if (found?.state === "failed" || found?.state === "stopped") {
    return (
      <div class="next" role="alert">
        <h1>{t("Not granted")}</h1>
        <p>{found.message || t("the check was stopped")}</p>
        <div class="row">
          <button class="main" onClick={again}>
            {t("Try again")}
          </button>
          <button onClick={() => go("people")}>{t("Back to People")}</button>
        </div>
      </div>
    );
  }
  if (found?.state === "done") {
    return (
      <div class="next" role="status">
        <h1 class="good">{t("Granted")}</h1>
        <p>{t("The record holds what you did and the clip's hash. You can take it back at any time: whoever asked you revokes it for you under People.")}</p>
        <button class="main" onClick={() => go("people", record?.id ?? "")}>
          {t("See the record")}
        </button>
      </div>
    );
  }
  const progress = found?.progress;
  return (
    <div class="next" role="status">
      <h1>{t("Your answer is being checked")}</h1>
      <p>{t("{stage}: marks, motions, relief of the face, whose it is, and what was said.", { stage: told(progress?.stage ?? t("waiting for its turn")) })}</p>
      <progress value={progress?.done && progress.total ? progress.done / progress.total : undefined} max={1} aria-label={t("Progress of the check")} />
    </div>
  );
}
