// The frame around every page: header with workspace, consent and running job; rail; notices; help; files dropped anywhere.
import { useEffect, useState } from "preact/hooks";
import { startAndWatch } from "./api";
import { Dialog, FileButton, Next } from "./controls";
import { duration } from "./format";
import { KEY_HELP, pageKeys, useKeys } from "./keys";
import { type Message, count, language, nextLanguage, number, t, told } from "./language";
import { Clips } from "./pages/clips";
import { Faces } from "./pages/faces";
import { Heads } from "./pages/heads";
import { Jobs } from "./pages/jobs";
import { Merge } from "./pages/merge";
import { PeoplePage } from "./pages/people";
import { Results } from "./pages/results";
import { Swap } from "./pages/swap";
import { Train } from "./pages/train";
import { VoicesPage } from "./pages/voices";
import { RunningUploads } from "./running-uploads";
import { CLIP_TYPES, takeFiles } from "./uploads";
import { PAGES, type Page, connection, dismiss, focus, go, help, isEmpty, jobs, library, notices, page, people, running, validRecords, waiting } from "./state";
import { nextTheme, theme } from "./theme";

const NAMES: Record<Page, Message> = { people: "People", clips: "Clips", faces: "Faces", train: "Train", swap: "Swap", merge: "Merge", heads: "Heads", voices: "Voices", results: "Results", jobs: "Jobs" };
const OTHER = { en: "Italiano", it: "English" };
const VIEWS: Record<Page, () => any> = { people: PeoplePage, clips: Clips, faces: Faces, train: Train, swap: Swap, merge: Merge, heads: Heads, voices: VoicesPage, results: Results, jobs: Jobs };

function tally(name: Page): string {
  const found = library.value;
  if (!found) return "";
  const active = running.value.length + waiting.value.length;
  const figures: Record<Page, number> = {
    people: people.value.records.length,
    clips: found.clips.length,
    faces: found.facesets.reduce((sum, one) => sum + one.faces, 0),
    train: found.models.length,
    swap: 0,
    merge: found.projects.length,
    heads: found.templates.length,
    voices: found.voices.length,
    results: found.results.length,
    jobs: active,
  };
  return figures[name] ? number(figures[name]) : "";
}

function Header() {
  const job = running.value.find(one => one.lane === "long") ?? running.value[0];
  const share = job?.progress?.done && job.progress.total ? job.progress.done / job.progress.total : 0;
  const left = job?.progress?.left_s;
  const valid = validRecords.value.length;
  return (
    <header class="top">
      <b class="brand">effigie</b>
      <span class="dim" title={library.value?.path}>
        {library.value?.workspace}
      </span>
      <span class="space" />
      <a class={valid ? "badge good" : "badge"} href="#people">
        {valid ? `✓ ${count(valid, "{n} valid consent", "{n} valid consents")}` : t("no valid consent yet")}
      </a>
      {job && (
        <a class="badge job" href="#jobs">
          <progress value={share} max={1} aria-label={t("Progress of {title}", { title: job.title })} />
          {job.title}
          {job.progress?.stage ? ` · ${told(job.progress.stage)}` : ""}
          {left ? ` · ${t("{time} left", { time: duration(left) })}` : ""}
        </a>
      )}
      <button class="quiet" title={t("Light or dark")} onClick={nextTheme}>
        {told(theme.value)}
      </button>
      <button class="quiet" lang={language.value === "en" ? "it" : "en"} onClick={nextLanguage}>
        {OTHER[language.value]}
      </button>
      <button class="quiet" title={t("Keys (?)")} aria-label={t("Keys")} onClick={() => (help.value = true)}>
        ?
      </button>
    </header>
  );
}

function Rail() {
  return (
    <nav class="rail" aria-label={t("Pages")}>
      {PAGES.map((name, index) => (
        <a key={name} href={`#${name}`} title={t(NAMES[name])} aria-current={page.value === name ? "page" : undefined}>
          <kbd>{(index + 1) % 10}</kbd>
          <span>{t(NAMES[name])}</span>
          <small>{tally(name)}</small>
        </a>
      ))}
    </nav>
  );
}

function Welcome() {
  const active = jobs.value.find(job => job.title === "Make the demo" && (job.state === "running" || job.state === "queued"));
  return (
    <Next
      title={active ? t("The demo is being made") : t("An empty workspace")}
      text={
        active
          ? t("It extracts two people, trains for four minutes, renders and verifies a swap. Its faces, curve and results appear here as they come.")
          : t("Bring a clip, and a photo or clip of whoever is to be shown in it: choose both, or drop them anywhere. Or see a whole project first: the demo fetches samples with pip and swaps a face, in about ten minutes.")
      }
    >
      {active ? (
        <button class="main" onClick={() => go("jobs")}>
          {t("Watch it")}
        </button>
      ) : (
        <>
          <button class="main" onClick={() => startAndWatch("demo", { minutes: 4 })}>
            {t("Make the demo")}
          </button>
          <FileButton label={t("Bring my own clips")} accept={CLIP_TYPES} many take={takeFiles} />
          <button onClick={() => go("clips", "new")}>{t("Pick them where they lie")}</button>
          <RunningUploads />
        </>
      )}
    </Next>
  );
}

export function Shell() {
  useKeys(pageKeys);
  const [over, setOver] = useState(false);
  useEffect(() => {
    document.title = `${t(NAMES[page.value])} · effigie studio`;
    document.documentElement.lang = language.value;
  }, [page.value, language.value]);
  useEffect(() => {
    const drag = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(event.type === "dragover");
      if (event.type === "drop") void takeFiles([...event.dataTransfer.files]);
    };
    const kinds = ["dragover", "dragleave", "drop"] as const;
    kinds.forEach(kind => addEventListener(kind, drag));
    return () => kinds.forEach(kind => removeEventListener(kind, drag));
  }, []);
  const View = VIEWS[page.value];
  const welcome = isEmpty.value && page.value === "clips" && focus.value !== "new";
  return (
    <>
      <Header />
      <Rail />
      <main class="page" aria-label={t(NAMES[page.value])}>
        {library.value === null ? <p class="dim pad">{t("Loading the workspace")}</p> : welcome ? <Welcome /> : <View />}
      </main>
      {connection.value === "lost" && (
        <div class="lost" role="alert">
          {t("The studio does not answer. Jobs go on; this page comes back by itself when the studio does: start it again in the terminal.")}
        </div>
      )}
      <div class="notices" role="status" aria-live="polite">
        {notices.value.map(notice => (
          <button
            key={notice.key}
            class={notice.bad ? "bad" : ""}
            title={notice.to ? t("See it") : t("Dismiss")}
            onClick={() => {
              dismiss(notice.key);
              if (notice.to) location.hash = notice.to;
            }}
          >
            {notice.text}
          </button>
        ))}
      </div>
      {over && <div class="drop">{page.value === "results" ? t("Drop to verify") : page.value === "people" ? t("Drop a record that came back") : t("Drop to bring into the workspace")}</div>}
      {help.value && (
        <Dialog title={t("Keys")} close={() => (help.value = false)}>
          <dl class="keys">
            {KEY_HELP.map(([keys, text]) => (
              <div key={keys}>
                <dt>
                  <kbd>{keys}</kbd>
                </dt>
                <dd>{t(text)}</dd>
              </div>
            ))}
          </dl>
        </Dialog>
      )}
    </>
  );
}
