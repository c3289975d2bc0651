// Faces: every face of a set by person, marked and dropped; which head poses it covers.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { attempt, get, startJob } from "../api";
import { Choice, Danger, Facts, Next, Panel } from "../controls";
import { FaceFindings } from "../face-findings";
import { FaceGrid } from "../face-grid";
import { day, plain } from "../format";
import { useKeys } from "../keys";
import { language, list, number, t, told } from "../language";
import { drawCoverage } from "../paint";
import { focus, go, library } from "../state";
import { theme } from "../theme";
import type { FaceColumns, FaceReview, Lock } from "../types";

const MOST = 500; // that one command drops

export function Faces() {
  const sets = library.value!.facesets;
  const chosen = sets.find(set => set.id === focus.value) ?? sets[0];
  const [faces, setFaces] = useState<FaceColumns | null>(null);
  const [marks, setMarks] = useState<number[][]>([]); // a step each, so that they can be taken back
  const [at, setAt] = useState(0);
  const [selected, select] = useState<Set<number>>(new Set());
  const [error, setError] = useState("");
  const [review, setReview] = useState<FaceReview | null>(null);
  const [kind, setKind] = useState(""); // of findings, whose faces alone are shown
  const marked = useMemo(() => new Set(marks.flat()), [marks]);

  useEffect(() => {
    setFaces(null);
    setMarks([]);
    setAt(0);
    setKind("");
    select(new Set());
    setError("");
    let current = true; // a set that was left may answer last
    if (chosen) get<FaceColumns>(`/api/faces/${chosen.id}`).then(found => current && setFaces(found), reason => current && setError(reason.message));
    return () => void (current = false);
  }, [chosen?.id, chosen?.time]);
  useEffect(() => {
    let current = true;
    if (chosen) get<FaceReview | null>(`/api/faces/${chosen.id}/findings`).then(found => current && setReview(found), () => current && setReview(null));
    return () => void (current = false);
  }, [chosen?.id, library.value]);
  const known = review?.revision === faces?.revision ? review : null; // its rows are those of the grid
  const kinds = useMemo(() => {
    const found = new Map<number, string[]>();
    for (const one of known?.findings ?? []) for (const row of one.rows) found.set(row, [...(found.get(row) ?? []), one.kind]);
    return found;
  }, [known]);
  const shown = useMemo(() => known?.findings.find(one => one.kind === kind)?.rows ?? [...(faces?.frame.keys() ?? [])], [faces, known, kind]);
  const showOnly = (wanted: string) => {
    setKind(wanted);
    select(new Set());
    const first = known?.findings.find(one => one.kind === wanted)?.rows[0];
    if (first !== undefined) setAt(first);
  };

  const drop = () => {
    const rows = (selected.size ? [...selected] : [at]).filter(row => !marked.has(row));
    if (rows.length) setMarks([...marks, rows]);
  };
  useKeys({ x: drop, Delete: drop, "Ctrl+z": () => setMarks(marks.slice(0, -1)), "Ctrl+a": () => select(new Set(shown)), Escape: () => (selected.size ? select(new Set()) : setKind("")) });

  if (!chosen) {
    return (
      <Next title={t("No faces yet")} text={t("Extract faces from clips first: of the person who will be shown, and of the person in the footage.")}>
        <button class="main" onClick={() => go("clips")}>
          {t("To the clips")}
        </button>
      </Next>
    );
  }
  const name = (row: number) => `${faces!.clips[faces!.clip[row]!]}:${faces!.frame[row]}:${faces!.track[row]}`;
  const dropMarked = async () => {
    const names = [...marked].map(name);
    for (let from = 0; from < names.length; from += MOST) {
      if (!(await startJob("drop-faces", { faces: chosen.id, names: names.slice(from, from + MOST) }))) return;
    }
    setMarks([]);
  };
  return (
    <div class="split">
      <div class="body">
        <div class="bar">
          <Choice label={t("Face set")} value={chosen.id} set={id => go("faces", id)} of={sets.map(set => [set.id, `${set.name} · ${number(set.faces)}`])} />
          <span class={selected.size ? "dim" : "dim hint"} title={t("click, Shift, Ctrl to select; X marks to drop, Ctrl+Z takes back")}>{selected.size ? t("{n} selected", { n: number(selected.size) }) : t("click, Shift, Ctrl to select; X marks to drop, Ctrl+Z takes back")}</span>
        </div>
        {error && (
          <p class="bad pad" role="alert">
            {error}
          </p>
        )}
        {faces?.frame.length === 0 && <Next title={t("No face was found")} text={t("The clips of this set show nobody large and sharp enough. Extract others under another name.")} />}
        {faces && faces.frame.length > 0 && <FaceGrid set={chosen.id} faces={faces} shown={shown} kinds={kinds} marked={marked} selected={selected} select={select} at={at} setAt={setAt} />}
      </div>
      <aside class="side">
        {faces && faces.frame.length > 0 && (
          <>
            <Panel title={t("Face")}>
              <img class="face" src={`/api/faces/${chosen.id}/${faces.revision}/${at}`} alt={t("Face {n}", { n: at + 1 })} width={192} height={192} />
              <Facts
                rows={[
                  [t("Clip"), faces.clips[faces.clip[at]!]],
                  [t("Frame"), String(faces.frame[at])],
                  [t("Yaw, pitch"), `${number(faces.yaw[at]!)}°, ${number(faces.pitch[at]!)}°`],
                  [t("Sharpness"), String(faces.sharpness[at])],
                  [t("Confidence"), String(faces.confidence[at])],
                  [t("Findings"), list((kinds.get(at) ?? []).map(told))],
                ]}
              />
            </Panel>
            <FaceFindings set={chosen.id} review={known} kind={kind} setKind={showOnly} mark={rows => setMarks([...marks, rows])} marked={marked} />
            <Coverage faces={faces} rows={[...faces.frame.keys()].filter(row => !marked.has(row) && faces.person[row] === faces.person[at])} />
            <Panel title={t("Drop")}>
              <p class="dim">
                {marked.size ? t("{n} marked. Dropping takes them out of the set for good; the clip stays.", { n: number(marked.size) }) : t("Mark strangers, covered and blurred faces with X.")}
              </p>
              <div class="row">
                <button disabled={!marked.size} onClick={() => setMarks(marks.slice(0, -1))}>
                  {t("Take back")}
                </button>
                <Danger label={marked.size ? t("Drop {n}", { n: number(marked.size) }) : t("Drop")} sure={t("Press again: for good")} disabled={!marked.size} act={dropMarked} />
              </div>
            </Panel>
            <LockPanel id={chosen.id} />
          </>
        )}
      </aside>
    </div>
  );
}

function Coverage({ faces, rows }: { faces: FaceColumns; rows: number[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => canvas.current! && drawCoverage(canvas.current, faces, rows), [faces, rows.length, rows[0], theme.value, language.value]);
  const poses = new Set(rows.map(row => `${Math.floor(faces.yaw[row]! / 10)} ${Math.floor(faces.pitch[row]! / 10)}`)).size;
  return (
    <Panel title={t("Head poses of this person")}>
      <canvas class="coverage" ref={canvas} role="img" aria-label={t("Yaw by pitch: {n} cells of 10 degrees have a face", { n: poses })} />
      <p class="dim">{t("{n} cells of 10° have a face. What is never shown will be made up.", { n: poses })}</p>
    </Panel>
  );
}

export function LockPanel({ id, use = "swap" }: { id: string; use?: string }) {
  const [lock, setLock] = useState<Lock | null>(null);
  useEffect(() => {
    setLock(null);
    if (id) void attempt(async () => setLock(await get<Lock>(`/api/locks/${id}/${use}`)));
  }, [id, library.value]);
  if (!id) return null;
  return (
    <Panel title={t("Consent")}>
      {!lock ? (
        <p class="dim">{t("asking the gate")}</p>
      ) : lock.open ? (
        <p class="good">✓ {lock.records.map(one => `${one.subject}, ${one.until ? t("until {day}", { day: day(one.until) }) : t("no end")}`).join("; ")}</p>
      ) : (
        <>
          <p class="bad">{t("Locked: {why}", { why: plain(lock.why) })}</p>
          <a href="#people">{t("Get their consent")}</a>
        </>
      )}
    </Panel>
  );
}
