// The inspector of a face: a slider for each control, which starts where the portrait itself is.
import { Panel } from "../controls";
import { t, told } from "../language";
import { change, controls, endOfChange, opened, template } from "./desk";
import { type Control, keyAt, named, release, setValues, timeOf, valueAt } from "./template";

const UNITS: Record<string, string> = { yaw: "°", pitch: "°", roll: "°" };

export function Inspector(props: { n: number; rate: number }) {
  const panels = [...new Set(controls.value.map(control => control.panel))];
  const time = timeOf(props.n, props.rate);
  const own = opened.value?.own ?? {};
  const set = (name: string, value: number, moving: boolean) => change(setValues(template.value, time, { [name]: value }, own), name, moving);
  return (
    <>
      {panels.map(panel => {
        const inside = controls.value.filter(control => control.panel === panel);
        const used = inside.filter(control => named(template.value).includes(control.name));
        const reset = () => change(used.reduce((left, control) => release(left, control.name), template.value));
        return (
          <Panel
            key={panel}
            title={told(panel)}
            tools={
              <button class="quiet" disabled={!used.length} title={t("As the portrait has it")} onClick={reset}>
                ↺ {used.length || ""}
              </button>
            }
          >
            {inside.map(control => (
              <Row key={control.name} control={control} own={own[control.name] ?? 0} value={valueAt(template.value, control.name, time)} keyed={keyAt(template.value, time)?.[control.name] !== undefined} set={(value, moving) => set(control.name, value, moving)} />
            ))}
          </Panel>
        );
      })}
    </>
  );
}

function Row({ control, own, value, keyed, set }: { control: Control; own: number; value: number | null; keyed: boolean; set: (value: number, moving: boolean) => void }) {
  const wide = control.high - control.low > 4;
  const number = +(value ?? own).toFixed(wide ? 1 : 2);
  const back = () => (endOfChange(), change(release(template.value, control.name)));
  const tone = value === null ? "knob own" : keyed ? "knob changed" : "knob between";
  return (
    <label class={tone} title={t("{help} Double click: as the portrait has it.", { help: told(control.help) })} onDblClick={back}>
      <span>
        {told(control.label)} {UNITS[control.name] ?? ""}
      </span>
      <input type="range" min={control.low} max={control.high} step={wide ? 0.5 : 0.01} value={number} onInput={event => set(+event.currentTarget.value, true)} onChange={endOfChange} />
      <input
        type="number"
        class="mono"
        aria-label={t("{name}, number", { name: told(control.label) })}
        min={control.low}
        max={control.high}
        step={wide ? 0.5 : 0.01}
        value={number}
        onChange={event => (endOfChange(), set(Math.max(control.low, Math.min(control.high, +event.currentTarget.value)), false))}
      />
    </label>
  );
}
