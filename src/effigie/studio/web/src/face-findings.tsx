// What a review of a face set found: which faces, why they harm, and what no face shows.
import { useState } from "preact/hooks";
import { startJob } from "./api";
import { Choice, Panel } from "./controls";
import { clock } from "./format";
import { number, t, told } from "./language";
import { jobs, library } from "./state";
import type { FaceReview } from "./types";

export function FaceFindings(props: { set: string; review: FaceReview | null; kind: string; setKind: (kind: string) => void; mark: (rows: number[]) => void; marked: Set<number> }) {
  const { review, kind } = props;
  const [target, setTarget] = useState("");
  const others = library.value!.facesets.filter(one => one.id !== props.set);
  const busy = jobs.value.find(job => (job.state === "running" || job.state === "queued") && job.command.startsWith("effigie faces review"));
  const chosen = review?.findings.find(one => one.kind === kind);
  const wanted = chosen ? [chosen] : (review?.findings.filter(one => one.drop) ?? []);
  const rows = [...new Set(wanted.flatMap(one => one.rows))].filter(row => !props.marked.has(row));
  return (
    <Panel
      title={t("Findings")}
      tools={
        <button disabled={!!busy} onClick={() => startJob("review-faces", { faces: props.set, target })}>
          {review ? t("Again") : t("Review")}
        </button>
      }
    >
      {others.length > 0 && <Choice label={t("For the footage of")} value={target} set={setTarget} of={[["", t("nobody in particular")], ...others.map(one => [one.id, one.name] as [string, string])]} />}
      {busy && <progress value={busy.progress?.total ? (busy.progress.done ?? 0) / busy.progress.total : undefined} max={1} aria-label={t("Progress of {title}", { title: busy.title })} />}
      {!review && !busy && <p class="dim">{t("Looks for strangers, and for covered, blurred, badly lit and repeated faces.")}</p>}
      {review && (
        <>
          <p class={review.changed ? "warn" : "dim"}>{t(review.changed ? "of {time}; the set was changed since" : "of {time}", { time: clock(review.ended ?? 0) })}</p>
          {review.findings.length > 0 && (
            <div class="kinds" role="group" aria-label={t("Show only")}>
              {review.findings.map(one => (
                <button key={one.kind} title={told(one.why)} aria-pressed={one.kind === kind} onClick={() => props.setKind(one.kind === kind ? "" : one.kind)}>
                  <span>{told(one.kind)}</span>
                  <small>{one.drop ? number(one.rows.length) : t("{n}, most are so", { n: number(one.rows.length) })}</small>
                </button>
              ))}
            </div>
          )}
          {chosen && <p class="dim">{told(chosen.why)}</p>}
          {review.findings.length === 0 && <p class="good">{t("nothing to object to")}</p>}
          {rows.length > 0 && <button onClick={() => props.mark(rows)}>{t(chosen ? "Mark these {n} to drop" : "Mark the {n} that are better dropped", { n: number(rows.length) })}</button>}
          {review.advice.map(line => (
            <p key={line} class="warn">
              {line}
            </p>
          ))}
        </>
      )}
    </Panel>
  );
}
