// Results: what was made, beside what it was made from; what verify finds, in these and in files from anywhere.
import { useEffect, useState } from "preact/hooks";
import { FileButton, Next, Panel, Poster } from "../controls";
import { FullCredentials, hasCredentials } from "../credentials";
import { clock, size } from "../format";
import { useKeys } from "../keys";
import { type Message, t } from "../language";
import { focus, go, library } from "../state";
import type { Result } from "../types";
import { type Finding, dropped, findings, verifyFile, verifyResult } from "../verification";
import { Viewer } from "../viewer";
import { Sound } from "../voices/sound";
import { Worst } from "../worst-frames";

const VERDICTS: Record<string, [string, Message]> = {
  "made-by-effigie": ["good", "made with effigie"],
  "marked-by-others": ["warn", "marked by another program"],
  broken: ["bad", "credentials broken"],
  "nothing-found": ["warn", "no mark found"],
};

export function Results() {
  const results = library.value!.results;
  const chosen = results.find(result => result.id === focus.value) ?? results.find(result => result.video && result.input) ?? results[0];
  const at = chosen ? results.indexOf(chosen) : 0;
  const show = (index: number) => results[index] && go("results", results[index].id);
  const [tab, setTab] = useState<"frames" | "player" | "sheet">("frames");
  const [jump, setJump] = useState<{ frame: number } | null>(null); // a new one each time, to go to the same frame again
  const jumpTo = (frame: number) => {
    setTab("frames");
    setJump({ frame });
  };
  useKeys({ ArrowDown: () => show(at + 1), ArrowUp: () => show(at - 1) });
  useEffect(() => {
    setTab("frames");
    setJump(null);
  }, [chosen?.id]);
  return (
    <div class="split three">
      <div class="strip">
        <div class="bar">
          <FileButton label={t("Verify a file")} accept="video/*,image/*,audio/*" many take={files => files.forEach(file => void verifyFile(file))} />
        </div>
        {dropped.value.map(key => findings.value[key] && <Found key={key} finding={findings.value[key]} />)}
        <ul class="tiles" aria-label={t("Results")}>
          {results.map(result => (
            <li key={result.id}>
              <button aria-pressed={result === chosen} title={result.name} onClick={() => go("results", result.id)}>
                {result.sound ? <i class="wave" aria-hidden="true" /> : <Poster id={result.id} />}
                <span>{result.name}</span>
                <small>
                  {size(result.bytes)} · {clock(result.time)}
                </small>
              </button>
            </li>
          ))}
        </ul>
      </div>
      <div class="stage">
        {chosen ? (
          <>
            {chosen.video && (
              <div class="bar">
                <div class="group" role="group" aria-label={t("Shown as")}>
                  {(["frames", "player", ...(chosen.sheet ? ["sheet"] : [])] as const).map(name => (
                    <button key={name} aria-pressed={tab === name} onClick={() => setTab(name as typeof tab)}>
                      {{ frames: chosen.input ? t("Before and after") : t("Frames"), player: t("Player with sound"), sheet: t("Sheet") }[name]}
                    </button>
                  ))}
                </div>
              </div>
            )}
            {chosen.sound ? (
              <SoundResult key={chosen.id} result={chosen} />
            ) : tab === "player" ? (
              <video class="frame" src={`/api/files/${chosen.id}`} controls aria-label={chosen.name} />
            ) : tab === "sheet" && chosen.sheet ? (
              <div class="preview">
                <img src={`/api/files/${chosen.sheet}`} alt={t("Frames of {name}, before and after", { name: chosen.name })} />
              </div>
            ) : (
              <Viewer clips={chosen.input ? [chosen.input, chosen.id] : [chosen.id]} label={chosen.name} jump={jump} />
            )}
          </>
        ) : (
          <Next title={t("Nothing made yet")} text={t("Render a clip under Swap. And drop any video or picture here, from anywhere, to see whether it was made with effigie.")} />
        )}
      </div>
      <aside class="side">{chosen && <Inspect result={chosen} jump={jumpTo} />}</aside>
    </div>
  );
}

function SoundResult({ result }: { result: Result }) {
  const [spans, setSpans] = useState<Record<string, number>>({});
  const span = Math.max(0, ...Object.values(spans));
  const tell = (id: string) => (seconds: number) => setSpans(known => ({ ...known, [id]: seconds }));
  return (
    <div class="body">
      <Sound id={result.id} name={result.name} title={t("Made")} span={span} tell={tell(result.id)} />
      {result.input && <Sound id={result.input} name={t("what it was made from")} title={t("Performance")} span={span} tell={tell(result.input)} />}
    </div>
  );
}

const SWAPS = ["swap", "convert"]; // by the words of their credentials

function Inspect({ result, jump }: { result: Result; jump: (frame: number) => void }) {
  useEffect(() => {
    if (!findings.value[result.id]) void verifyResult(result.id, result.name);
  }, [result.id]);
  const finding = findings.value[result.id];
  return (
    <>
      <Panel title={t("What verify finds")} tools={<button onClick={() => verifyResult(result.id, result.name)}>{t("Again")}</button>}>
        {finding && <Found finding={finding} />}
      </Panel>
      {result.video && result.input && SWAPS.includes(finding?.found?.credentials.command ?? "") && <Worst result={result} jump={jump} />}
      <Panel title={t("File")}>
        <p class="mono">{result.name}</p>
        <a class="button" href={`/api/files/${result.id}`} download={result.name.split("/").at(-1)}>
          {t("Save a copy")}
        </a>
      </Panel>
    </>
  );
}

function Found({ finding }: { finding: Finding }) {
  const [tone, verdict] = VERDICTS[finding.found?.verdict ?? ""] ?? ["", null];
  const [full, setFull] = useState(false);
  return (
    <div class="finding">
      {finding.state === "reading" && <p class="dim">{t("reading {name}", { name: finding.name })}</p>}
      {finding.state === "failed" && <p class="bad">{finding.error}</p>}
      {finding.found && (
        <>
          <b class={`verdict ${tone}`}>{verdict && t(verdict)}</b>
          <ul>
            {finding.found.lines.map(line => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          {hasCredentials(finding.found) && (
            <button aria-label={t("Read in full: {name}", { name: finding.name })} onClick={() => setFull(true)}>
              {t("Read in full")}
            </button>
          )}
          {full && <FullCredentials name={finding.name} found={finding.found} close={() => setFull(false)} />}
        </>
      )}
    </div>
  );
}
