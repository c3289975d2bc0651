// The fresh sentence, read at the microphone or recorded elsewhere; the check is a job.
import { useState } from "preact/hooks";
import { post } from "../api";
import { FileButton } from "../controls";
import { language, t } from "../language";
import { jobs, notify, toldInPlace } from "../state";
import { upload } from "../uploads";
import { extension, Recorder } from "./recorder";

export interface Sentence { nonce: string; subject: string; sentence: string; expires: string }

export function Reading({ sentence, draw, close }: { sentence: Sentence; draw: () => void; close: () => void }) {
  const [sent, send] = useState("");
  const job = jobs.value.find(one => one.id === sent);
  const check = async (sound: File) => {
    const recording = await upload(sound, "evidence");
    if (!recording) return;
    try {
      const { id } = await post<{ id: string }>("/api/jobs", { key: `reading-${sentence.nonce}`, kind: "voice-answer", fields: { nonce: sentence.nonce, recording } });
      toldInPlace.add(id);
      send(id);
    } catch (error) {
      notify((error as Error).message, true);
    }
  };
  if (sent) {
    const done = job?.state === "done";
    const failed = job?.state === "failed" || job?.state === "stopped";
    return (
      <div class="next across" role={failed ? "alert" : "status"}>
        <h1 class={done ? "good" : ""}>{done ? t("Read right") : failed ? t("Not accepted") : t("The reading is being checked")}</h1>
        <p>{failed ? job.message : done ? t("The answer is signed, and kept in evidence/ with the recording.") : t("its words, and whose voice it is")}</p>
        <div class="row">
          {failed && (
            <button class="main" onClick={draw}>
              {t("Draw another sentence")}
            </button>
          )}
          <button class={done ? "main" : ""} onClick={close}>
            {t("Back to the recordings")}
          </button>
        </div>
      </div>
    );
  }
  return (
    <Recorder
      title={t("{subject} reads aloud", { subject: sentence.subject })}
      hint={t("Until {time}. Speak as in the recordings; nothing leaves this machine.", { time: new Date(sentence.expires).toLocaleTimeString(language.value, { timeStyle: "short" }) })}
      text={<p class="large">{sentence.sentence}</p>}
      keepLabel={t("Send it")}
      keep={sound => check(new File([sound], `reading.${extension(sound)}`, { type: sound.type }))}
      close={close}
      other={<FileButton label={t("A file instead")} accept="audio/*,video/*" take={files => void check(files[0]!)} />}
    />
  );
}
