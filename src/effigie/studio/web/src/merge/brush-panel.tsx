// The panel of the brush: what it does, how wide and soft it is, what is painted on this frame.
import { Panel, Slider } from "../controls";
import { count, t, told } from "../language";
import { SIZES, brush, setBrush } from "./brush";
import { change, endOfChange } from "./desk";
import { type Project, clearStrokes, strokesAt } from "./project";

export function BrushPanel(props: { project: Project; n: number }) {
  const { on, mode, size, softness } = brush.value;
  const here = strokesAt(props.project, props.n);
  const clear = () => (endOfChange(), change(clearStrokes(props.project, props.n)));
  return (
    <Panel
      title={t("Brush")}
      tools={
        <button class="quiet" disabled={!here.length} title={t("Take off the strokes that lie on this frame")} onClick={clear}>
          {here.length ? `✕ ${count(here.length, "{n} stroke", "{n} strokes")}` : ""}
        </button>
      }
    >
      <div class="row">
        <button aria-pressed={on} title="B" onClick={() => setBrush({ on: !on })}>
          {t("Paint")}
        </button>
        <div class="group" role="group" aria-label={t("The brush")}>
          {(["erase", "add"] as const).map(name => (
            <button key={name} aria-pressed={mode === name} disabled={!on} title={name === "erase" ? t("the footage stays; Alt adds") : t("the made face shows; Alt erases")} onClick={() => setBrush({ mode: name })}>
              {told(name)}
            </button>
          ))}
        </div>
      </div>
      {on && (
        <>
          <Slider label={t("size")} value={size} set={value => setBrush({ size: value })} low={SIZES[0]} high={SIZES[1]} step={0.005} unit="" first={0.06} />
          <Slider label={t("softness")} value={softness} set={value => setBrush({ softness: value })} low={0} high={1} step={0.05} unit="" first={0.5} />
          <small class="dim">{t("Strokes go with the head, on this shot, or on the whole clip where there is none.")}</small>
        </>
      )}
    </Panel>
  );
}
