// The inspector: a control for each setting of compositing, as the settings' fields say.
import { Panel } from "../controls";
import { t, told } from "../language";
import { change, controls, endOfChange } from "./desk";
import { type Control, type Project, composeAt, read, setCompose, write } from "./project";

const round = (value: number, step: number): number => +value.toFixed(step >= 1 ? 0 : step >= 0.01 ? 2 : 3);

export function Inspector(props: { project: Project; n: number }) {
  const panels = [...new Set(controls.value.map(control => control.panel))];
  const compose = composeAt(props.project, props.n);
  const set = (control: Control, value: number | string) =>
    change(setCompose(props.project, props.n, write(compose, control.path, value)), control.path.join("."));
  return (
    <>
      {panels.map(panel => {
        const own = controls.value.filter(control => control.panel === panel);
        const changed = own.filter(control => read(compose, control.path) !== control.first);
        const reset = () => {
          change(setCompose(props.project, props.n, own.reduce((table, control) => write(table, control.path, control.first), compose)));
        };
        return (
          <Panel
            key={panel}
            title={told(panel)}
            tools={
              <button class="quiet" disabled={!changed.length} title={t("Back to the defaults")} onClick={reset}>
                ↺ {changed.length || ""}
              </button>
            }
          >
            {own.map(control => (
              <Row key={control.path.join(".")} control={control} value={read(compose, control.path) as number | string} set={value => set(control, value)} />
            ))}
          </Panel>
        );
      })}
    </>
  );
}

function Row({ control, value, set }: { control: Control; value: number | string; set: (value: number | string) => void }) {
  const changed = value !== control.first;
  if (control.choices) {
    return (
      <div class={changed ? "knob changed" : "knob"} title={told(control.help)}>
        <span>{told(control.label)}</span>
        {control.choices.length < 3 ? (
          <div class="group" role="group" aria-label={told(control.label)}>
            {control.choices.map(choice => (
              <button key={choice} aria-pressed={choice === value} onClick={() => set(choice)}>
                {told(choice)}
              </button>
            ))}
          </div>
        ) : (
          <select aria-label={told(control.label)} value={value} onChange={event => set(event.currentTarget.value)}>
            {control.choices.map(choice => (
              <option key={choice} value={choice}>
                {told(choice)}
              </option>
            ))}
          </select>
        )}
      </div>
    );
  }
  const step = control.step ?? 0.01;
  const number = round(value as number, step);
  return (
    <label class={changed ? "knob changed" : "knob"} title={t("{help} Double click: back to {first}.", { help: told(control.help), first: String(control.first) })} onDblClick={() => (endOfChange(), set(control.first as number))}>
      <span>{told(control.label)}</span>
      <input type="range" min={control.low} max={control.high} step={step} value={value} onInput={event => set(+event.currentTarget.value)} onChange={endOfChange} />
      <input
        type="number"
        class="mono"
        aria-label={t("{name}, number", { name: told(control.label) })}
        min={control.low}
        max={control.high}
        step={step}
        value={number}
        onChange={event => (endOfChange(), set(Math.max(control.low!, Math.min(control.high!, +event.currentTarget.value))))}
      />
    </label>
  );
}
