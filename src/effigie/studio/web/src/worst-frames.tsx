// The worst frames of a swap: measured beside its original by a job, then jumped to.
import { useEffect, useState } from "preact/hooks";
import { get, startJob } from "./api";
import { Choice, Panel } from "./controls";
import { number, t } from "./language";
import { jobs, library } from "./state";
import type { Result, WorstFrames } from "./types";

export function Worst({ result, jump }: { result: Result; jump: (frame: number) => void }) {
  const [found, setFound] = useState<WorstFrames | null>(null);
  const [source, setSource] = useState("");
  const [target, setTarget] = useState("");
  useEffect(() => {
    let current = true;
    setFound(null);
    get<WorstFrames | null>(`/api/results/${result.id}/worst`).then(one => current && setFound(one), () => {});
    return () => void (current = false);
  }, [result.id, library.value]);
  const sets: [string, string][] = [["", t("choose")], ...library.value!.facesets.map(one => [one.id, one.name] as [string, string])];
  const busy = jobs.value.find(job => (job.state === "running" || job.state === "queued") && job.command.startsWith("effigie evaluate swap"));
  const missed = found?.figures.filter(one => !one.reached) ?? [];
  return (
    <Panel title={t("Worst frames")}>
      {found?.worst.length ? (
        <ol class="kinds" aria-label={t("Worst frames, the worst first")}>
          {found.worst.map(one => (
            <li key={`${one.person} ${one.frame}`}>
              <button onClick={() => jump(one.frame)}>
                <span>{t("Frame {n}", { n: number(one.frame) })}</span>
                <small>{one.why}</small>
              </button>
            </li>
          ))}
        </ol>
      ) : (
        <p class="dim">{found ? t("no frame in which the person could be measured") : t("Measures the clip beside its original, frame by frame, and shows where it is worst.")}</p>
      )}
      {missed.length > 0 && <p class="warn">{t("missed: {figures}", { figures: missed.map(one => one.name).join("; ") })}</p>}
      <Choice label={t("Whose face is seen")} value={source} set={setSource} of={sets} />
      <Choice label={t("Who is in the footage")} value={target} set={setTarget} of={sets} />
      {busy && <progress value={busy.progress?.total ? (busy.progress.done ?? 0) / busy.progress.total : undefined} max={1} aria-label={t("Progress of {title}", { title: busy.title })} />}
      <button disabled={!source || !target || !!busy} onClick={() => startJob("measure", { result: result.id, clip: result.input, source, target })}>
        {found ? t("Measure again") : t("Measure")}
      </button>
    </Panel>
  );
}
