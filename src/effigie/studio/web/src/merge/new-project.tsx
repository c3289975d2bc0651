// The dialog that makes a project of a model and a clip.
import { useState } from "preact/hooks";
import { attempt, post } from "../api";
import { Choice, Dialog, Text } from "../controls";
import { freeName, stem } from "../format";
import { t } from "../language";
import { go, library } from "../state";

export function NewProject({ close }: { close: () => void }) {
  const { models, clips, projects } = library.value!;
  const videos = clips.filter(clip => clip.video);
  const [model, setModel] = useState(models[0]!.id);
  const [clip, setClip] = useState(videos[0]?.id ?? "");
  const [name, setName] = useState("");
  const wanted = freeName(stem(videos.find(one => one.id === clip)?.name ?? "project"), projects);
  const make = () =>
    attempt(async () => {
      const made = await post<{ id: string }>("/api/projects", { model, clip, name: name || wanted });
      close();
      go("merge", made.id);
    });
  return (
    <Dialog title={t("New project")} close={close}>
      <div class="form">
        <Choice label={t("Model")} value={model} set={setModel} of={models.map(one => [one.id, one.name])} />
        <Choice label={t("Clip")} value={clip} set={setClip} of={videos.map(one => [one.id, one.name])} />
        <Text label={t("Name")} value={name} set={setName} hint={name ? "" : wanted} />
        <div class="row end">
          <button class="main" disabled={!clip} onClick={make}>
            {t("Open it")}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
