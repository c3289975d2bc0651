// The panel of the brush: what it does, how wide and soft it is, what is painted on this frame.
import { Panel, Slider } from "../controls";
import { count } from "../format";
import { SIZES, brush, setBrush } from "./brush";
import { change, endOfChange } from "./desk";
import { type Project, clearStrokes, strokesAt } from "./project";

export function BrushPanel(props: { project: Project; n: number }) {
  const { on, mode, size, softness } = brush.value;
  const here = strokesAt(props.project, props.n);
  const clear = () => (endOfChange(), change(clearStrokes(props.project, props.n)));
  return (
    <Panel
      title="Brush"
      tools={
        <button class="quiet" disabled={!here.length} title="Take off the strokes that lie on this frame" onClick={clear}>
          {here.length ? `✕ ${count(here.length, "stroke")}` : ""}
        </button>
      }
    >
      <div class="row">
        <button aria-pressed={on} title="B" onClick={() => setBrush({ on: !on })}>
          Paint
        </button>
        <div class="group" role="group" aria-label="The brush">
          {(["erase", "add"] as const).map(name => (
            <button key={name} aria-pressed={mode === name} disabled={!on} title={name === "erase" ? "the footage stays; Alt adds" : "the made face shows; Alt erases"} onClick={() => setBrush({ mode: name })}>
              {name}
            </button>
          ))}
        </div>
      </div>
      {on && (
        <>
          <Slider label="size" value={size} set={value => setBrush({ size: value })} low={SIZES[0]} high={SIZES[1]} step={0.005} unit="" first={0.06} />
          <Slider label="softness" value={softness} set={value => setBrush({ softness: value })} low={0} high={1} step={0.05} unit="" first={0.5} />
          <small class="dim">Strokes go with the head, on this shot, or on the whole clip where there is none.</small>
        </>
      )}
    </Panel>
  );
}
