// The panel of the shot under the playhead.
import { Panel } from "../controls";
import { t } from "../language";
import { change, endOfChange } from "./desk";
import { type Project, end, replaceShot, shotAt } from "./project";

export function ShotPanel(props: { project: Project; n: number; count: number }) {
  const { project, n, count } = props;
  const shot = shotAt(project, n);
  const edit = (next: Project) => (endOfChange(), change(next));
  if (!shot) {
    return (
      <Panel title={t("The whole clip")}>
        <small class="dim">{t("Mark in and out (I, O) and make a shot (N) to give a range a look of its own.")}</small>
      </Panel>
    );
  }
  const hasKey = shot.keys?.some(key => key.frame === n);
  return (
    <Panel
      title={t("Shot {n} · frames {first}–{last}", { n: project.shots.indexOf(shot) + 1, first: shot.first, last: end(shot, count) })}
      tools={
        <button class="quiet" title={t("Take this shot off: its frames are as the whole clip")} onClick={() => edit(replaceShot(project, shot, null))}>
          ✕
        </button>
      }
    >
      <div class="row">
        <label class="check">
          <input type="checkbox" checked={shot.skip} onChange={event => edit(replaceShot(project, shot, { ...shot, skip: event.currentTarget.checked }))} />
          {t("leave as it is")}
        </label>
        <span class="space" />
        <small class="dim">{shot.keys?.length ? (hasKey ? t("key here") : t("between keys: a change makes one")) : t("no keys")}</small>
      </div>
    </Panel>
  );
}
