// Camera and microphone, and what they record: one stream for looking and recording, ended when nobody needs it.
import { t } from "./language";

export interface Camera { stream: MediaStream; sound: boolean; end: () => void }

const VIDEO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, facingMode: "user" };
// As it is heard in the room: what a browser does for calls would be learned as a part of the voice.
const SPEECH: MediaTrackConstraints = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const KINDS = ["video/webm;codecs=vp8,opus", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
const SOUND_KINDS = ["audio/webm;codecs=opus", "audio/webm", "audio/mp4"];
const BITS = 4_000_000;
const SOUND_BITS = 192_000;

type Device = "camera" | "both" | "microphone";

export const openCamera = (sound: boolean): Promise<Camera> => open(sound ? "both" : "camera", { video: VIDEO, audio: sound });

export const openMicrophone = (): Promise<Camera> => open("microphone", { audio: SPEECH });

async function open(device: Device, wanted: MediaStreamConstraints): Promise<Camera> {
  if (!navigator.mediaDevices) throw new Error(t("this browser gives pages no camera and no microphone: record with another program, and drop the file"));
  try {
    const stream = await navigator.mediaDevices.getUserMedia(wanted);
    return { stream, sound: device !== "camera", end: () => stream.getTracks().forEach(track => track.stop()) };
  } catch (error) {
    throw new Error(explain((error as DOMException).name, device));
  }
}

function explain(name: string, kind: Device): string {
  const device = { camera: t("the camera"), both: t("camera and microphone"), microphone: t("the microphone") }[kind];
  if (name === "NotAllowedError") return t("the browser was not allowed to use {device}: allow it beside the address, and try again", { device });
  if (name === "NotFoundError") return t("not connected: {device}", { device });
  if (name === "NotReadableError") return t("another program holds {device}: close it, and try again", { device });
  return t("{device} cannot be used ({name})", { device, name });
}

// Records until it is told to stop; what comes back is the whole clip.
export function record(camera: Camera): () => Promise<Blob> {
  const kinds = camera.stream.getVideoTracks().length ? KINDS : SOUND_KINDS;
  const kind = kinds.find(one => MediaRecorder.isTypeSupported(one));
  const recorder = new MediaRecorder(camera.stream, { mimeType: kind, videoBitsPerSecond: BITS, audioBitsPerSecond: SOUND_BITS });
  const pieces: Blob[] = [];
  recorder.ondataavailable = event => event.data.size && pieces.push(event.data);
  recorder.start(1000);
  return () =>
    new Promise(resolve => {
      // Without the codecs: browsers send no type at all where a comma stands in it.
      recorder.onstop = () => resolve(new Blob(pieces, { type: recorder.mimeType.split(";")[0] }));
      recorder.stop();
    });
}

// How loud a stream is, dB of full scale, some thirty times a second; returns what ends it.
export function meter(camera: Camera, show: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(camera.stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    show(20 * Math.log10(Math.max(1e-5, ...samples.map(Math.abs))));
  }, 33);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
