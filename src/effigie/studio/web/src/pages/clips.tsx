// Clips: brought in by dropping, or picked where they lie; looked at, marked, and extracted from.
import { useEffect, useState } from "preact/hooks";
import { attempt, get, post, startJob } from "../api";
import { Dialog, Field, FileButton, Next, Panel, Poster } from "../controls";
import { freeName, size, stem } from "../format";
import { useKeys } from "../keys";
import { type Message, count, t } from "../language";
import { focus, go, isEmpty, library, page } from "../state";
import type { Clip } from "../types";
import { RunningUploads } from "../running-uploads";
import { CLIP_TYPES, takeFiles } from "../uploads";
import { Viewer } from "../viewer";

const ORIGINS: Record<Clip["origin"], Message | null> = { workspace: null, picked: "picked, not copied", sample: "sample" };

export function Clips() {
  const [marked, mark] = useState<string[]>([]);
  const [picking, pick] = useState(isEmpty.value && focus.value === "new"); // asked for on the empty workspace's first page
  const clips = library.value!.clips;
  const chosen = clips.find(clip => clip.id === focus.value) ?? clips[0];
  const at = chosen ? clips.indexOf(chosen) : 0;
  const toggle = (id: string) => mark(marked.includes(id) ? marked.filter(one => one !== id) : [...marked, id]);
  const show = (index: number) => {
    const clip = clips[Math.max(0, Math.min(clips.length - 1, index))];
    if (clip) go("clips", clip.id);
  };
  useKeys({ ArrowDown: () => show(at + 1), ArrowUp: () => show(at - 1), "Ctrl+a": () => mark(clips.map(clip => clip.id)), m: () => chosen && toggle(chosen.id) });
  const press = (clip: Clip) => (event: MouseEvent) => {
    if (event.shiftKey && chosen) {
      const [from, to] = [at, clips.indexOf(clip)].sort((a, b) => a - b);
      mark([...new Set([...marked, ...clips.slice(from, to! + 1).map(one => one.id)])]);
    } else if (event.ctrlKey || event.metaKey) toggle(clip.id);
    else go("clips", clip.id);
  };
  return (
    <div class="split three">
      <div class="strip">
        <div class="bar">
          <FileButton label={t("Bring clips")} accept={CLIP_TYPES} many look="main" take={takeFiles} />
          <button onClick={() => pick(true)} title={t("Pick clips where they lie, without a copy")}>
            {t("Pick")}
          </button>
        </div>
        <RunningUploads />
        <ul class="tiles" aria-label={t("Clips")}>
          {clips.map(clip => (
            <li key={clip.id} class={marked.includes(clip.id) ? "marked" : ""}>
              <button aria-pressed={clip === chosen} onClick={press(clip)} title={clip.name}>
                <Poster id={clip.id} />
                <span>{clip.name}</span>
                <small>{[size(clip.bytes), ORIGINS[clip.origin] && t(ORIGINS[clip.origin]!)].filter(Boolean).join(" · ")}</small>
              </button>
              <input type="checkbox" aria-label={t("Mark {name}", { name: clip.name })} checked={marked.includes(clip.id)} onChange={() => toggle(clip.id)} />
            </li>
          ))}
        </ul>
      </div>
      <div class="stage">
        {chosen ? (
          <Viewer clips={[chosen.id]} label={chosen.name} />
        ) : (
          <Next title={t("No clips yet")} text={t("Drop files anywhere in this window: they are copied into the workspace. Or pick them where they lie; then nothing is copied.")} />
        )}
      </div>
      <aside class="side">{chosen && <Inspect clip={chosen} marked={clips.filter(clip => marked.includes(clip.id))} clear={() => mark([])} />}</aside>
      {picking && <Picking close={() => pick(false)} />}
    </div>
  );
}

function Inspect({ clip, marked, clear }: { clip: Clip; marked: Clip[]; clear: () => void }) {
  const chosen = marked.length ? marked : [clip];
  const sets = library.value!.facesets;
  const [name, setName] = useState("");
  const wanted = freeName(stem(chosen[0]!.name), sets, ".faces");
  useEffect(() => setName(""), [chosen.map(one => one.id).join()]);
  const extract = async () => {
    if (await startJob("extract", { clips: chosen.map(one => one.id), name: name || wanted })) clear();
  };
  return (
    <>
      <Panel title={chosen.length > 1 ? count(chosen.length, "{n} clip", "{n} clips") : clip.name}>
        <ul class="plain">
          {chosen.slice(0, 12).map(one => (
            <li key={one.id}>
              {one.name} <small class="dim">{size(one.bytes)}</small>
            </li>
          ))}
        </ul>
        {clip.origin === "picked" && <button onClick={() => attempt(() => post(`/api/clips/${clip.id}/forget`))}>{t("Take off the list")}</button>}
      </Panel>
      <Panel title={t("Extract faces")}>
        <p class="dim">{t("Finds, follows, aligns and stores every face. Clips of one person belong into one set.")}</p>
        <Field label={t("Name of the face set")}>
          <input type="text" value={name} placeholder={wanted} maxLength={60} onInput={e => setName(e.currentTarget.value)} />
        </Field>
        <button class="main" onClick={extract}>
          {chosen.length > 1 ? t("Extract {clips}", { clips: count(chosen.length, "{n} clip", "{n} clips") }) : t("Extract")}
        </button>
      </Panel>
      <Panel title={t("Next")}>
        <p class="dim">{t("Swap at once, with a single photo or clip of whoever is shown. Or extract both people's faces, and train a model of them.")}</p>
        <div class="row">
          <button onClick={() => go("swap", clip.id)}>{clip.video ? t("Put a face into this clip") : t("Put this face into a clip")}</button>
          <button onClick={() => go("train")}>{t("Train")}</button>
        </div>
      </Panel>
    </>
  );
}

interface Row { id: string; name: string; folder: boolean }

function Picking({ close }: { close: () => void }) {
  const [trail, setTrail] = useState<{ id: string; name: string }[]>([]);
  const [rows, setRows] = useState<Row[]>([]);
  const [chosen, choose] = useState<string[]>([]);
  const here = trail.at(-1);
  useEffect(() => {
    choose([]);
    void attempt(async () => {
      if (here) setRows(await get<Row[]>(`/api/folders/${here.id}`));
      else setRows((await get<{ id: string; name: string }[]>("/api/roots")).map(root => ({ ...root, folder: true })));
    });
  }, [here?.id]);
  const add = () =>
    attempt(async () => {
      await post("/api/clips/pick", { ids: chosen });
      close();
      if (page.value === "clips") go("clips", chosen[0]);
    });
  const toggle = (id: string) => choose(chosen.includes(id) ? chosen.filter(one => one !== id) : [...chosen, id]);
  return (
    <Dialog title={t("Pick clips where they lie")} close={close}>
      <p class="dim">{t("Folders that may be picked from: the workspace, and those that the studio was started with (--media FOLDER).")}</p>
      <div class="row">
        <button onClick={() => setTrail([])}>{t("Folders")}</button>
        {trail.map((folder, index) => (
          <button key={folder.id} onClick={() => setTrail(trail.slice(0, index + 1))}>
            {folder.name.split("/").at(-1)}
          </button>
        ))}
      </div>
      <ul class="files">
        {rows.map(row => (
          <li key={row.id}>
            {row.folder ? (
              <button onClick={() => setTrail([...trail, row])}>▸ {row.name}</button>
            ) : (
              <label class="check">
                <input type="checkbox" checked={chosen.includes(row.id)} onChange={() => toggle(row.id)} />
                {row.name}
              </label>
            )}
          </li>
        ))}
        {!rows.length && <li class="dim">{t("no clips or folders here")}</li>}
      </ul>
      <div class="row end">
        <button class="main" disabled={!chosen.length} onClick={add}>
          {chosen.length ? t("Pick {clips}", { clips: count(chosen.length, "{n} clip", "{n} clips") }) : t("Pick")}
        </button>
      </div>
    </Dialog>
  );
}
